"""What a version 2 of the project wrote, read by this one."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.describe import fill_text
from cxr_tasks.champion.promotion import make_promotion
from cxr_tasks.reporting.documents import checklist, model_card
from cxr_tasks.reporting.last_screen import last_screen
from cxr_tasks.reporting.report import make_report
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.reporting.tables import paper_table
from cxr_tasks.site.reading import read_run
from cxr_tasks.volume.files import digest_of, read_json, write_json
from cxr_tasks.volume.migrations import BINOMIAL, MCNEMAR
from cxr_tasks.volume.record_model import read_sealed_record
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report


def make_old(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write a record as version 2 would have."""
    content = {**read_sealed(path), "schema_version": 2}
    change(content)
    write_json(path, content | {"content_sha256": digest_of(content)})


def as_version_2(content: dict[str, Any]) -> None:
    found = content["recommendation"]
    del found["chance"], found["rule"]
    found |= {"variant": found["best"], "p_chance": 0.01, "above_chance": True}
    for pair in content["pairs"]:
        for new in ("test", "p_mcnemar", "n_groups"):
            del pair[new]


def test_old_run_is_read_by_all_its_readers(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=100, skipped=["mobilenetv2_unfrozen"]))
    finish_report(run, config)
    for path in (run.evaluate / "comparison.json", run.report / "report.json"):
        make_old(path, as_version_2)
        assert read_json(path)["schema_version"] == 2
    report = read_sealed_record(run.report / "report.json", ReportRecord)
    assert report.schema_version == SCHEMA_VERSION
    chosen = report.shown_name
    assert report.recommendation.variant == chosen
    assert report.recommendation.chance[chosen].content() == {
        "p_value": 0.01,
        "p_holm": 0.01,
        "above_chance": True,
        "test": BINOMIAL,
    }
    facts = read_run(run)
    assert facts.problem == ""
    assert facts.report is not None
    assert facts.report.recommended == chosen
    last = last_screen(report, width=80, report_file="index.html", with_make=True)
    assert f"Recommended: {chosen}." in last
    assert model_card(report)[0].title == "Model"
    assert len(checklist(report)) == 44
    assert {row["variant"]: row.get("p_holm_vs_chance") for row in paper_table(report)[1]} == {
        **dict.fromkeys(report.variants),
        chosen: 0.01,
    }
    built = tmp_path / "again"
    built.mkdir()
    make_report(run, config, built)
    page = (built / "index.html").read_text(encoding="utf-8")
    assert f"Coloured: told apart by {MCNEMAR} after Holm" in page


def test_old_run_can_be_tried_for_promotion(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=100))
    finish_report(run, config)
    make_old(run.report / "report.json", as_version_2)

    def refuse(*_: Any) -> Any:
        raise AssertionError

    now = datetime(2026, 1, 2, tzinfo=UTC)
    record = make_promotion(run, config, score=refuse, now=now, note=print, built=tmp_path)
    assert record.decision == "refused"
    assert record.reason.startswith("Its images are synthetic")


def test_old_promotion_keeps_the_name_of_its_test(tmp_path: Path) -> None:
    mcnemar = {"n_only_challenger_right": 9, "n_only_champion_right": 2, "p_value": 0.065}
    both = {"challenger": 0.9, "champion": 0.8}
    figures = {"accuracy": both, "sensitivity": both, "specificity": both, "mcnemar": mcnemar}
    comparison = {
        "figures": figures,
        "n_same_image": 3,
        "n_unseen": 4,
        "n_labelled_otherwise": 0,
        "n_left_out": {},
        "rule": "The rule.",
    }
    content = {"schema_version": 2, "comparison": comparison}
    write_json(tmp_path / "version.json", content | {"content_sha256": digest_of(content)})
    read = read_sealed(tmp_path / "version.json")["comparison"]
    assert read["figures"]["right"] == mcnemar | {"test": MCNEMAR}
    assert "mcnemar" not in read["figures"]
    version = {
        "promoted_at": "",
        "champion_before": None,
        "decision_reason": "",
        "approval": None,
        "basis": "test",
        "comparison": read,
    }
    card = fill_text("promotion.md.j2", card="", version=version)
    assert f"9 images against 2 ({MCNEMAR}, p = 0.065)" in card


@pytest.mark.parametrize(
    "odd", [None, 3, "x", [], [3], [{}], {}, {"figures": None}, {"figures": {"mcnemar": 3}}]
)
def test_what_has_another_form_is_left_as_it_is(odd: Any, tmp_path: Path) -> None:
    content = {"schema_version": 2, "recommendation": odd, "pairs": odd, "comparison": odd}
    write_json(tmp_path / "x.json", content | {"content_sha256": digest_of(content)})
    assert read_sealed(tmp_path / "x.json") == content | {"schema_version": SCHEMA_VERSION}
