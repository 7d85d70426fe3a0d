"""Every page by what is asked for, without Airflow."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.site.listing import PAGE_SIZE
from cxr_tasks.site.site import AirflowRun, Answer, Site
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.locks import is_locked, locked
from cxr_tasks.volume.paths import Home, RunPaths, run_key_from
from tests.drawn_run import Drawing, draw_run, finish_report
from tests.site.shelf import BEGAN, Change, on_data, put_run, put_unfinished
from tests.stored import accept_changes, change_record, flip_bit

RUN_ID = "manual__2026-01-31T03:00:00+00:00"
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}\"'&"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str, name: str) -> Iterator[str | None]:
        return (
            attributes[name]
            for found, attributes in self.found
            if found == tag and name in attributes
        )


@pytest.fixture
def site(home: Home) -> Site:
    return Site(home)


def shown(answer: Answer) -> str:
    return answer.body if isinstance(answer.body, str) else answer.body.decode()


def text_of(answer: Answer) -> str:
    return " ".join(Tags(shown(answer)).text.split())


def all_runs(site: Site, **query: str) -> Answer:
    return site.all_runs(query, base="/cxr")


def tab(site: Site, dag_id: str, state: str | None = "success", **conf: Any) -> Answer:
    return site.airflow_run(AirflowRun(dag_id, RUN_ID, state, conf), base="/cxr")


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
    assert "Compare the two" not in text


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
    both = shown(site.compared("own", "same", base="/cxr"))
    one = shown(site.compared("own", "later", base="/cxr"))
    assert f"<strong>Both runs.</strong> The MobileNetV2 variants were {told}" in both
    assert f"<strong>The first run.</strong> The MobileNetV2 variants were {told}" in one
    assert "Both runs.</strong>" not in one


def test_every_column_can_be_sorted_by_a_link(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "only")
    links = {str(href) for href in Tags(shown(all_runs(site))).attributes("a", "href")}
    for sort in ("when", "run", "data", "profile", "verdict", "recommended", "duration"):
        assert any(f"sort={sort}&" in link for link in links), sort
    for name in VARIANTS:
        assert any(f"sort={name}.accuracy&" in link for link in links)
        assert any(f"sort={name}.roc_auc&" in link for link in links)


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
        'Recommended</th><td data-label="First">none</td>'
        '<td data-label="Second">MobileNetV2 frozen</td>'
    ) in shown(site.compared("guessing", "good", base="/cxr"))
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
    answers = [all_runs(site), site.compared("one", "two", base="/cxr")]
    answers += [site.run(key, base="/cxr") for key in ("three", "four")]
    for answer in answers:
        assert "script" not in {tag for tag, _ in Tags(shown(answer)).found}
        assert "49" not in text_of(answer)
        assert "<script>alert(1)" in text_of(answer)


def test_the_report_is_served_as_it_was_written(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    assert site.run("one", base="/cxr").body == (run.report / "index.html").read_bytes()


def test_both_pages_of_a_report_lead_to_each_other(site: Site, home: Home) -> None:
    weak = dict.fromkeys(VARIANTS, 1.0)
    run, config = draw_run(home.root, Drawing(n_images=120, n_folds=3, strengths=weak), key="weak")
    finish_report(run, config)
    report, labels = (site.run("weak", base="/cxr", part=part) for part in ("", "labels"))
    for answer, link in ((report, "/cxr/runs/weak?part=labels"), (labels, "/cxr/runs/weak")):
        assert link in Tags(shown(answer)).attributes("a", "href")
        assert 'href="index.html"' not in shown(answer)
    assert shown(labels).startswith("<!doctype html>")
    assert "Which labels look wrong" in text_of(labels)
    flip_bit(run.report / "labels.html")
    assert "This report is damaged" in text_of(site.run("weak", base="/cxr", part="labels"))
    (run.report / "labels.html").unlink()  # as an older version leaves a report
    assert site.run("weak", base="/cxr", part="labels") == report


@pytest.mark.parametrize(
    "key", ["..", ".", "../one", "one/..", "%2e%2e", "a\0b", "", "/etc", "a" * 500, "one\n"]
)
def test_a_name_that_is_no_runs_leads_nowhere(
    site: Site, home: Home, template: RunPaths, key: str
) -> None:
    put_run(home, template, "one")
    (home.root / "report").mkdir()
    (home.root / "report" / "index.html").write_text("secret")
    answer = site.run(key, base="/cxr")
    assert answer.status == 404
    assert "secret" not in shown(answer)
    assert site.compared(key, "one", base="/cxr").status == 404
    assert tab(site, "cxr_pipeline", run=key).status == 404


def test_damaged_report_is_not_shown(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    flip_bit(run.report / "index.html")
    answer = site.run("one", base="/cxr")
    assert "This report is damaged" in text_of(answer)
    assert "python -m cxr_tasks report --run one" in text_of(answer)


def test_no_link_in_a_run_leads_out_of_it(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    secret = home.root / "secret.html"
    secret.write_text("secret")
    page = run.report / "index.html"
    page.unlink()
    page.symlink_to(secret)
    assert "secret" not in shown(site.run("one", base="/cxr"))
    shutil.rmtree(run.report)
    (home.root / "out").mkdir()
    (home.root / "out" / "index.html").write_text("secret")
    run.report.symlink_to(home.root / "out")
    assert "secret" not in shown(site.run("one", base="/cxr"))


def put_mid_stage(home: Home, template: RunPaths, key: str) -> RunPaths:
    """Put a run on the volume that was seen last in the middle of a training."""
    run = put_unfinished(home, template, key)
    shutil.rmtree(run.ingest)
    return run


def test_a_run_whose_process_is_gone_says_so(site: Site, home: Home, template: RunPaths) -> None:
    run = put_mid_stage(home, template, "killed")
    text = text_of(site.run("killed", base="/cxr"))
    assert "This run was cut off" in text
    assert "it was killed, or its machine is gone" in text
    assert "the name killed with the same settings goes on" in text
    with locked(run.lock("train", "vanilla_cnn")):
        assert "is under way" in text_of(site.run("killed", base="/cxr"))


def test_a_lock_of_another_process_is_seen_on_a_volume_that_is_read_only(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    code = (
        "import pathlib, sys, time; from cxr_tasks.volume.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    assert not is_locked(lock)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(lock)
        holder.kill()
        holder.wait()
    assert lock.exists()
    assert not is_locked(lock)


def test_a_run_that_begins_a_stage_or_is_between_two_is_under_way(
    home: Home, template: RunPaths
) -> None:
    put_mid_stage(home, template, "going")
    last = BEGAN + 60
    for seconds, under_way in ((5, True), (600, False)):
        site = Site(home, clock=partial(float, last + seconds))
        assert ("is under way" in text_of(site.run("going", base="/cxr"))) is under_way


def test_what_airflow_takes_for_going_on_is_told_to_have_lost_its_process(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_mid_stage(home, template, run_key_from(RUN_ID))
    text = text_of(tab(site, "cxr_pipeline", state="running"))
    assert "is under way" in text
    assert "Airflow notices that within minutes" in text


def test_a_run_that_a_person_stopped_says_so(site: Site, home: Home, template: RunPaths) -> None:
    run = put_mid_stage(home, template, "halted")
    write_json(
        run.error("train", "vanilla_cnn"),
        {"exit_code": -15, "signal": "SIGTERM", "message": "Stopped. It is kept.", "stopped": True},
    )
    text = text_of(site.run("halted", base="/cxr"))
    assert "This run was stopped" in text
    assert "train vanilla_cnn was stopped" in text
    assert "vanilla_cnn failed" not in text
    assert "stopped train vanilla_cnn: Stopped. It is kept." in text_of(all_runs(site))
    write_json(run.error("audit"), {"exit_code": 2, "signal": None, "message": "DataError: no."})
    assert "This run failed before its report" in text_of(site.run("halted", base="/cxr"))


@pytest.mark.parametrize("state", ["failed", "running"])
@pytest.mark.parametrize("start", ["failed", "running", "None"])
def test_a_run_whose_start_has_opened_nothing_shows_no_other_run(
    site: Site, home: Home, template: RunPaths, start: str, state: str
) -> None:
    put_run(home, template, "mine")
    asked = AirflowRun(
        "cxr_pipeline", RUN_ID, state, {"run": "mine"}, start=start, refusal="Other <settings>."
    )
    text = text_of(site.airflow_run(asked, base="/cxr"))
    assert "Chest X-ray classifiers" not in text
    if state == "running":
        assert "is under way" in text
    else:
        assert "This run failed at its start" in text
        assert "Other <settings>." in text


def test_the_tab_shows_the_run_that_start_has_opened(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "mine")
    asked = AirflowRun(
        "cxr_pipeline",
        RUN_ID,
        "success",
        {"run": "other"},
        start="success",
        opening={"run": "mine", "settings": "ab"},
    )
    assert "Chest X-ray classifiers" in text_of(site.airflow_run(asked, base="/cxr"))


def test_a_run_of_another_dag_has_no_report(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, run_key_from(RUN_ID))
    answer = tab(site, "their_dag")
    assert answer.status == 200
    assert "their_dag make no report" in text_of(answer)


def test_the_tab_finds_the_run_by_its_id_and_by_its_name(
    site: Site, home: Home, template: RunPaths
) -> None:
    by_id = put_run(home, template, run_key_from(RUN_ID)).report / "index.html"
    by_id.write_text("by id")
    by_name = put_run(home, template, "mine").report / "index.html"
    by_name.write_text("by name")
    for page in (by_id, by_name):
        accept_changes(page.parent, ReportRecord)
    assert shown(tab(site, "cxr_pipeline")) == "by id"
    assert shown(tab(site, "cxr_pipeline", run="")) == "by id"
    assert shown(tab(site, "cxr_pipeline", run="mine")) == "by name"


def test_a_run_under_way_is_looked_at_again(site: Site, home: Home, template: RunPaths) -> None:
    put_unfinished(home, template, "mine")
    answer = tab(site, "cxr_pipeline", "running", run="mine")
    assert "is under way" in text_of(answer)
    assert "train vanilla_cnn: epoch 3" in text_of(answer)
    assert "refresh" in Tags(shown(answer)).attributes("meta", "http-equiv")


def test_a_failed_run_says_what_failed(site: Site, home: Home, template: RunPaths) -> None:
    run = put_unfinished(home, template, "mine")
    write_json(run.error("train", "vanilla_cnn"), {"message": "The loss is nan.\nLower the rate."})
    answer = tab(site, "cxr_pipeline", "failed", run="mine")
    assert "train vanilla_cnn failed" in text_of(answer)
    assert "Lower the rate." in text_of(answer)
    assert "refresh" not in Tags(shown(answer)).attributes("meta", "http-equiv")


def test_a_run_that_was_refused_at_its_start_says_so(site: Site) -> None:
    assert "log of the task start" in text_of(tab(site, "cxr_pipeline", "failed"))


def test_a_run_that_changed_nothing_leads_to_the_earlier_one(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "earlier")
    run = put_unfinished(home, template, "later")
    change_record(run.ingest / "ingest.json", unchanged_since="earlier")
    answer = tab(site, "cxr_pipeline", run="later")
    assert "ended early on purpose" in text_of(answer)
    assert "/cxr/runs/earlier" in Tags(shown(answer)).attributes("a", "href")


def test_an_airflow_run_that_does_not_exist_is_not_found(site: Site) -> None:
    assert tab(site, "cxr_pipeline", None).status == 404


def test_a_batch_of_scores_is_shown(site: Site, home: Home) -> None:
    assert "no page" in text_of(tab(site, "cxr_score", name="ward-7"))
    assert "being scored" in text_of(tab(site, "cxr_score", "running", name="ward-7"))
    folder = home.scores("ward-7")
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("the scores")
    assert shown(tab(site, "cxr_score", name="ward-7")) == "the scores"
    assert tab(site, "cxr_score", name="../runs").status == 404


def test_pages_load_nothing_and_open_no_window(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_run(home, template, "two")
    for answer in (all_runs(site), site.compared("one", "two", base="/cxr")):
        page = Tags(shown(answer))
        assert not {tag for tag, _ in page.found} & {"script", "link", "img", "iframe"}
        assert not list(page.attributes("a", "target"))
        assert all(str(href).startswith("/cxr/") for href in page.attributes("a", "href"))


def test_two_runs_stand_side_by_side(site: Site, home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_run(home, template, "two", change=on_data("b"))
    answer = site.compared("one", "two", base="/cxr")
    assert "figures are not comparable" in text_of(answer)
    assert {"/cxr/runs/one", "/cxr/runs/two"} <= set(Tags(shown(answer)).attributes("a", "href"))
    assert "MobileNetV2 frozen" in text_of(answer)
