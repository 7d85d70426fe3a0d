"""Every page by what is asked for, without Airflow."""

import re
import shutil
from typing import Any

import pytest

from cxr_tasks.site.listing import PAGE_SIZE
from cxr_tasks.site.site import Site
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.policy import refused_scripts
from tests.site.asking import HOSTILE, Tags, all_runs, shown, tab, text_of
from tests.site.shelf import BEGAN, Change, on_data, put_run, put_unfinished, scoring
from tests.stored import change_record, flip_bit


def test_no_runs_say_how_to_start_one(site: Site) -> None:
    assert "press Trigger" in text_of(all_runs(site))


def test_one_run_is_a_row_without_trend(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "only", began=BEGAN, seconds=200)
    page = all_runs(site)
    assert "/cxr/runs/only" in Tags(shown(page)).attributes("a", "href")
    text = text_of(page)
    assert "1 run" in text
    assert "2026-01-01" in text
    assert "3 min 20 s" in text
    assert "over runs" not in text
    assert "Compare the chosen" not in text


def test_synthetic_data_and_random_weights_are_labelled_in_the_row(
    site: Site, home: Home, template: RunPaths
) -> None:
    def real(report: dict[str, Any]) -> None:
        report["data"]["synthetic"] = False
        report["weights"]["origin"] = "keras"

    put_run(home, template, "drawn")
    labels = re.compile(r'class="tag synthetic">([^<]+)<')
    assert labels.findall(shown(all_runs(site))) == ["synthetic", "random weights"]
    shutil.rmtree(home.run("drawn").root)
    put_run(home, template, "real", change=real)
    assert labels.findall(shown(all_runs(site))) == []


def test_weights_that_are_not_of_imagenet_are_told_wherever_runs_are_listed_or_compared(
    site: Site, home: Home, template: RunPaths
) -> None:
    def start_from(origin: str) -> Change:
        return lambda report: report["weights"].update(origin=origin)

    told = "pre-trained on this project&#39;s synthetic images"
    for key, origin in (("own", "phantom"), ("same", "phantom"), ("later", "not-yet-known")):
        put_run(home, template, key, change=start_from(origin))
    assert shown(all_runs(site)).count(f'class="tag synthetic">{told}<') == 2
    both = shown(site.compared(["own", "same"], base="/cxr"))
    one = shown(site.compared(["own", "later"], base="/cxr"))
    assert f"<strong>Both runs.</strong> The MobileNetV2 variants were {told}" in both
    assert f"<strong>Run A.</strong> The MobileNetV2 variants were {told}" in one
    assert "Both runs.</strong>" not in one


def test_every_column_can_be_sorted_by_a_link(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "only")
    links = {str(href) for href in Tags(shown(all_runs(site))).attributes("a", "href")}
    for sort in ("when", "run", "data", "profile", "verdict", "recommended", "duration"):
        turned = "?order=asc" if sort == "when" else f"sort={sort}"  # by when it is sorted already
        assert any(link.endswith(turned) for link in links), sort
    for name in VARIANTS:
        assert any(f"sort={name}.accuracy" in link for link in links)
        assert any(f"sort={name}.roc_auc" in link for link in links)


def test_the_sorted_column_is_marked(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "only")
    page = Tags(shown(all_runs(site, sort="run", order="asc")))
    assert list(page.attributes("th", "aria-sort")) == ["ascending"]


def test_a_run_without_a_recommendation_says_none(
    site: Site, home: Home, template: RunPaths
) -> None:
    def no_recommendation(report: dict[str, Any]) -> None:
        report["recommendation"]["variant"] = None

    def recommend_one(report: dict[str, Any]) -> None:
        report["recommendation"]["variant"] = "mobilenetv2_frozen"

    put_run(home, template, "guessing", change=no_recommendation)
    put_run(home, template, "good", change=recommend_one, began=BEGAN + 60)
    page = shown(all_runs(site))
    assert "Best variant" not in page
    assert re.findall(r'<td data-label="Recommended">([^<]+)</td>', page) == [
        "MobileNetV2 frozen",
        "none",
    ]
    assert page.count('class="n recommended"') == 1
    assert (
        'Recommended</th><td data-label="A">none</td><td data-label="B">MobileNetV2 frozen</td>'
    ) in shown(site.compared(["guessing", "good"], base="/cxr"))
    for order in ("asc", "desc"):  # what has no value stands last
        page = shown(all_runs(site, sort="recommended", order=order))
        listed = re.findall(r'<th scope="row"><a href="/cxr/runs/(\w+)"', page)
        assert listed == ["good", "guessing"]


def test_many_runs_come_in_pages(site: Site, home: Home, template: RunPaths) -> None:
    for number in range(PAGE_SIZE + 1):
        put_unfinished(home, template, f"run-{number}", began=BEGAN + number)
    assert "/cxr/runs/run-0" not in shown(all_runs(site))
    assert "/cxr/runs/run-0" in shown(all_runs(site, page="2"))
    assert f"{PAGE_SIZE + 1} runs" in text_of(all_runs(site))


def test_the_trend_says_when_the_data_change(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "one", change=on_data("a"))
    put_run(home, template, "two", change=on_data("a"))
    assert "not comparable" not in text_of(all_runs(site))
    put_run(home, template, "three", change=on_data("b"))
    assert "figures under different numbers are not comparable" in text_of(all_runs(site))


def test_text_from_files_is_shown_as_text(site: Site, home: Home, template: RunPaths) -> None:
    def change(report: dict[str, Any]) -> None:
        report["data"] |= {"description": HOSTILE}
        report["profile"] = HOSTILE
        report["audit"]["sentence"] = report["recommendation"]["variant"] = HOSTILE

    put_run(home, template, "one", change=change)
    put_run(home, template, "two", change=change)
    put_unfinished(home, template, "three")
    write_json(home.run("three").error("ingest"), {"message": HOSTILE})
    run = put_unfinished(home, template, "four")
    change_record(run.ingest / "ingest.json", unchanged_since=HOSTILE)
    answers = [all_runs(site), site.compared(["one", "two"], base="/cxr")]
    answers += [site.of_run.page(key, base="/cxr") for key in ("three", "four")]
    for answer in answers:
        assert refused_scripts(shown(answer)) == []
        assert "49" not in text_of(answer)
        assert "<script>alert(1)" in text_of(answer)


def test_the_report_is_served_as_it_was_written(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    served, written = (
        shown(site.of_run.page("one", base="/cxr")),
        (run.report / "index.html").read_text(),
    )
    assert served != written
    assert without_links(served) == without_links(written)


def without_links(page: str) -> str:
    return re.sub(r'href="[^"#]*"|<span class="served">.*?</span>', "", page)


def test_both_pages_of_a_report_lead_to_each_other(site: Site, home: Home) -> None:
    weak = dict.fromkeys(VARIANTS, 1.0)
    run, config = draw_run(home.root, Drawing(n_images=120, n_folds=3, strengths=weak), key="weak")
    finish_report(run, config)
    report, labels = (site.of_run.page("weak", base="/cxr", part=part) for part in ("", "labels"))
    for answer, link in ((report, "/cxr/runs/weak?part=labels"), (labels, "/cxr/runs/weak")):
        assert link in Tags(shown(answer)).attributes("a", "href")
        assert 'href="index.html"' not in shown(answer)
    assert shown(labels).startswith("<!doctype html>")
    assert "Which labels look wrong" in text_of(labels)
    flip_bit(run.report / "labels.html")
    assert "This report is damaged" in text_of(site.of_run.page("weak", base="/cxr", part="labels"))
    (run.report / "labels.html").unlink()  # as an older version leaves a report
    assert site.of_run.page("weak", base="/cxr", part="labels") == report


@pytest.mark.parametrize(
    "key", ["..", ".", "../one", "one/..", "%2e%2e", "a\0b", "", "/etc", "a" * 500, "one\n"]
)
def test_a_name_that_is_no_runs_leads_nowhere(
    site: Site, home: Home, template: RunPaths, key: str
) -> None:
    put_run(home, template, "one")
    (home.root / "report").mkdir()
    (home.root / "report" / "index.html").write_text("secret")
    answer = site.of_run.page(key, base="/cxr")
    assert answer.status == 404
    assert "secret" not in shown(answer)
    assert site.compared([key, "one"], base="/cxr").status == 404
    assert tab(site, "cxr_pipeline", run=key).status == 404


def test_damaged_report_is_not_shown(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    flip_bit(run.report / "index.html")
    answer = site.of_run.page("one", base="/cxr")
    assert "This report is damaged" in text_of(answer)
    assert "python -m cxr_tasks report --run one" in text_of(answer)


def test_a_changed_figure_is_never_listed_sorted_by_or_compared(
    site: Site, home: Home, template: RunPaths
) -> None:
    for key, accuracy in (("changed", 0.5), ("whole", 0.75)):
        put_run(home, template, key, change=scoring({"mobilenetv2_frozen": accuracy}))
    report = home.run("changed").report / "report.json"
    text = report.read_text()
    assert text.count('"value": 0.5,') >= 1
    report.write_text(text.replace('"value": 0.5,', '"value": 0.9876,'))  # still whole as JSON
    for query in ({}, {"sort": "mobilenetv2_frozen.accuracy"}, {"q": "changed"}):
        page = text_of(all_runs(Site(home), **query))
        assert "98.8" not in page
        assert "damaged report/report.json is not what was written" in page
    table = shown(site.all_runs_csv({}))
    assert "0.9876" not in table
    assert "changed,2026-01-01T00:00:00+00:00,damaged" in table
    assert site.compared(["changed", "whole"], base="/cxr").status == 404


def test_no_link_in_a_run_leads_out_of_it(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    secret = home.root / "secret.html"
    secret.write_text("secret")
    page = run.report / "index.html"
    page.unlink()
    page.symlink_to(secret)
    assert "secret" not in shown(site.of_run.page("one", base="/cxr"))
    shutil.rmtree(run.report)
    (home.root / "out").mkdir()
    (home.root / "out" / "index.html").write_text("secret")
    run.report.symlink_to(home.root / "out")
    assert "secret" not in shown(site.of_run.page("one", base="/cxr"))


def test_a_batch_of_scores_is_shown(site: Site, home: Home) -> None:
    assert "no page" in text_of(tab(site, "cxr_score", name="ward-7"))
    assert "being scored" in text_of(tab(site, "cxr_score", "running", name="ward-7"))
    folder = home.scores("ward-7")
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("the scores")
    assert shown(tab(site, "cxr_score", name="ward-7")) == "the scores"
    (folder / "index.html").write_text("<body><main>the scores</main>")
    page = Tags(shown(site.scores("ward-7", base="/cxr")))
    assert {"/cxr/scores/ward-7/scores.csv", "/cxr/champion", "/cxr/scores", "/cxr/runs"} == set(
        page.attributes("a", "href")
    )
    assert tab(site, "cxr_score", name="../runs").status == 404


def test_pages_load_nothing_and_open_no_window(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_run(home, template, "two")
    for answer in (all_runs(site), site.compared(["one", "two"], base="/cxr")):
        page = Tags(shown(answer))
        assert not {tag for tag, _ in page.found} & {"link", "img", "iframe"}
        assert not list(page.attributes("script", "src"))
        assert refused_scripts(shown(answer)) == []
        assert not list(page.attributes("a", "target"))
        assert all(str(href).startswith("/cxr/") for href in page.attributes("a", "href"))


def test_two_runs_stand_side_by_side(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_run(home, template, "two", change=on_data("b"))
    answer = site.compared(["one", "two"], base="/cxr")
    assert "figures are not comparable" in text_of(answer)
    assert {"/cxr/runs/one", "/cxr/runs/two"} <= set(Tags(shown(answer)).attributes("a", "href"))
    assert "MobileNetV2 frozen" in text_of(answer)
