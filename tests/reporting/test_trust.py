"""The report's second part: verdict, statistics, calibration, external test, card, checklist."""

import csv
import json
import re
from pathlib import Path

import pytest

from cxr_tasks.audit.audit_record import finding
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.reporting.artifacts import read_artifacts
from cxr_tasks.reporting.documents import checklist, model_card
from cxr_tasks.reporting.report import render_page
from cxr_tasks.statistics.figures_record import MetricFigures
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import as_json, read_json
from tests.drawing import HOSTILE_NAMES, Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import changed
from tests.policy import refused_scripts
from tests.reporting.made_report import NAMES, Made, Parsed, make
from tests.reporting.sentences import repeated_sentences
from tests.stored import change_record


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run in folds, with an external test; its images tell the class by their brightness."""
    drawing = Drawing(n_images=140, n_folds=5, external=True, failed=[NAMES[3]])
    return make(tmp_path_factory.mktemp("folds"), drawing)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of the study's split, without explanation, external test or folds."""
    drawing = Drawing(n_images=60, split="paper", explained=False, skipped=NAMES[1:])
    return make(tmp_path_factory.mktemp("paper"), drawing)


def text_of(made: Made) -> str:
    return " ".join(made.parsed.text.split())


def test_shortcut_stands_before_every_number(folds: Made) -> None:
    assert folds.report.audit.verdict == "shortcut"
    told = text_of(folds)
    verdict = told.index("This score is no evidence of detecting disease.")
    first_share = re.search(r"\d+\.\d", told)
    assert first_share is not None
    assert verdict < first_share.start()
    assert verdict < told.index("Recommended: ")


def test_verdict_is_at_the_top_level_of_the_json(folds: Made) -> None:
    audit = json.loads((folds.run.report / "report.json").read_text())["audit"]
    assert audit["verdict"] in ("clean", "warning", "shortcut")
    for each in audit["findings"]:
        assert set(each) == {"check", "severity", "message", "value", "interval"}
    assert audit == folds.report.audit.content()
    kept = {key: audit[key] for key in read_json(folds.run.evaluate / "verdict.json")}
    assert kept == read_json(folds.run.evaluate / "verdict.json")


@pytest.mark.parametrize(
    ("verdict", "title"),
    [("clean", "no shortcut found"), ("warning", "warning"), ("shortcut", "shortcut")],
)
def test_each_verdict_has_its_words(verdict: str, title: str, paper: Made) -> None:
    said = {"audit.verdict": verdict, "audit.sentence": "What <was> found."}
    report = changed(paper.report, said)
    told = Parsed(render_page(read_artifacts(paper.run, paper.config), report))
    assert f"Verdict: {title}" in told.text
    assert "What <was> found." in told.text


def test_no_sentence_stands_twice(folds: Made, paper: Made) -> None:
    assert repeated_sentences(folds.page) == []
    assert repeated_sentences(paper.page) == []


def test_every_headline_metric_has_its_interval(folds: Made) -> None:
    for facts in folds.report.trained.values():
        for metric in MetricFigures.model_fields:
            figure = getattr(facts.headline, metric)
            low, high = figure.interval
            assert low <= figure.value <= high, metric


def test_out_of_fold_is_said_and_the_final_model_was_never_scored(folds: Made) -> None:
    told = text_of(folds)
    assert "140 out-of-fold images" in told
    assert "a model that had seen neither it nor another image of its group" in told
    assert "their models were never scored themselves" in told
    assert "train" not in folds.report.trained[NAMES[0]].measured


def test_variants_are_compared_in_half_a_matrix(folds: Made) -> None:
    assert len(folds.report.pairs) == 3
    told = len(re.findall("<em>(told apart|not distinguishable), p ", folds.page))
    assert told == 3  # each pair once


def test_external_stands_beside_internal(folds: Made, paper: Made) -> None:
    external = folds.report.external
    assert external is not None
    assert external.n_images == 140
    auc = external.variants[folds.report.shown_name].metrics.roc_auc.value
    assert f"ROC AUC {auc:.3f}" in text_of(folds)
    assert "No external test: nothing is known of images from other sources" in text_of(paper)


def test_attention_is_shown_with_its_sanity_check(folds: Made, paper: Made) -> None:
    assert "62.0 % lies outside the lungs" in text_of(folds).replace("\xa0", " ")
    assert "Attention" in text_of(folds)
    assert "the backend of this run gives no gradients" in text_of(paper)


def test_without_images_to_fix_a_cutoff_on_the_report_says_so(paper: Made) -> None:
    assert "Not available: this split leaves no images to fix a cut-off on" in text_of(paper)
    facts = paper.report.trained[NAMES[0]]
    assert facts.statistics.operating_point is None
    assert facts.fixed is None


def test_table_for_a_paper_has_a_value_and_an_interval_for_every_metric(folds: Made) -> None:
    with (folds.run.report / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["variant"] for row in rows] == NAMES
    for row in rows[:3]:
        for metric in ("accuracy", "sensitivity", "specificity", "roc_auc", "brier"):
            low, high = float(row[f"{metric}_low"]), float(row[f"{metric}_high"])
            assert low <= float(row[metric]) <= high
        assert (row["basis"], row["verdict"], row["n_images"]) == ("oof", "shortcut", "140")
    best = folds.report.recommendation.best
    assert [row["variant"] for row in rows[:3] if not row["p_holm_vs_best"]] == [best]
    assert rows[3]["status"] == "failed"
    assert rows[3]["accuracy"] == ""


def test_model_card_says_what_it_is_not_for_and_repeats_the_verdict(folds: Made) -> None:
    card = (folds.run.report / "model_card.md").read_text(encoding="utf-8")
    assert "not a medical device" in card
    assert "no evidence of detecting disease" in card
    assert "never scored" in card
    titles = [section.title for section in model_card(folds.report)]
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == titles
    assert "&lt;" not in card


def test_hostile_names_are_text_in_the_card_and_in_findings(tmp_path: Path) -> None:
    drawing = Drawing(n_images=60, synthetic=False, weights_origin="file", names=HOSTILE_NAMES)
    run, config = draw_run(tmp_path, drawing, source="folder", data=str(tmp_path))
    comparison = run.evaluate / "comparison.json"
    findings = [finding("x", "error", f"About {name}") for name in HOSTILE_NAMES]
    change_record(comparison, audit=read_json(comparison)["audit"] | {"findings": findings})
    finish_report(run, config)
    page = Parsed((run.report / "index.html").read_text(encoding="utf-8"))
    assert refused_scripts((run.report / "index.html").read_text(encoding="utf-8")) == []
    assert "About" in page.text
    assert "<script>alert" in page.text
    card = (run.report / "model_card.md").read_text(encoding="utf-8")
    assert "<script>" not in card.replace("\\<script\\>", "")
    assert "a folder of \\<images\\>" in card


def test_checklist_has_all_items_of_claim_in_order(folds: Made) -> None:
    items = checklist(folds.report)
    assert [item.number for item in items] == list(range(1, 45))
    assert all(item.answer for item in items)
    assert {item.status for item in items} == {"answered", "person", "not available"}


def test_checklist_answers_follow_the_run(folds: Made, paper: Made) -> None:
    with_folds, without = (
        {item.number: item for item in checklist(made.report)} for made in (folds, paper)
    )
    assert (with_folds[33].status, without[33].status) == ("answered", "not available")
    assert (with_folds[31].status, without[31].status) == ("answered", "not available")
    assert "5 stratified folds" in with_folds[19].answer
    assert "optimistic" in without[32].answer
    assert all(item.status != "answered" for item in with_folds.values() if item.number in (2, 44))


def test_missing_audit_is_told_as_such(paper: Made) -> None:
    verdict = make_verdict(None, None, {}, None, about=NAMES[0], seed=0)  # type: ignore[arg-type]
    audit = {**as_json(verdict), "controls": {}, "duplicates": None}
    report = changed(paper.report, {f"audit.{key}": value for key, value in audit.items()})
    told = Parsed(render_page(read_artifacts(paper.run, paper.config), report)).text
    assert "nothing is known about shortcuts" in told
    assert VARIANTS[NAMES[0]].title in told
