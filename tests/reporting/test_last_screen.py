"""The end of a run in a terminal: one screen, nothing broken at 80 columns, the next command."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.audit.audit_record import ControlFacts
from cxr_tasks.cli.main import make_parser
from cxr_tasks.reporting.last_screen import comparison_table, last_screen
from cxr_tasks.reporting.next_step import next_step
from cxr_tasks.reporting.report_record import ReportExternal, ReportRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import WIDTH
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import changed, facts_for

CLEAN = {"audit.verdict": "clean", "audit.controls": {}}
OWN_WEIGHTS = "pre-trained on this project's synthetic images"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> ReportRecord:
    drawing = Drawing(n_images=140, weights_origin="phantom", stopped_by="epochs")
    return finish_report(*draw_run(tmp_path_factory.mktemp("phantom"), drawing))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> ReportRecord:
    root = tmp_path_factory.mktemp("real")
    drawing = Drawing(n_images=100, n_folds=5, synthetic=False, weights_origin="file", spot=0)
    run = draw_run(root, drawing, profile="honest", source="folder", data=str(root))
    return finish_report(*run)


def screen(report: ReportRecord, *, width: int = 80, with_make: bool = True) -> str:
    return last_screen(
        report,
        width=width,
        report_file="runs/x/report/index.html",
        with_make=with_make,
        also=["Images: 140 taken"],
    )


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("with_make", [True, False])
def test_it_is_one_screen_and_no_line_is_too_wide(
    width: int, with_make: bool, phantom: ReportRecord
) -> None:
    lines = screen(phantom, width=width, with_make=with_make).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 36


def test_it_says_done_verdict_comparison_recommendation_notes_report_next(
    phantom: ReportRecord,
) -> None:
    told = flat(screen(phantom))
    marks = (
        "140 synthetic radiographs",
        "seed 42.",
        "Verdict:",
        "test AUC",
        "vanilla_cnn",
        "Recommended:",
        "Synthetic images:",
        OWN_WEIGHTS,
        "not a medical device",
        "Images: 140 taken",
        "Report: runs/x/report/index.html",
        "Next: with your own images",
        "make run PROFILE=honest SOURCE=folder DATA=/path/to/xrays",
    )
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)
    assert all(name in told for name in VARIANTS)
    assert phantom.recommendation.reason in told


def test_next_command_is_one_that_the_command_line_takes(phantom: ReportRecord) -> None:
    told = screen(phantom, with_make=False)
    command = next(line for line in told.splitlines() if "python -m cxr_tasks run" in line)
    options = vars(make_parser().parse_args(shlex.split(command)[3:]))
    assert (options["profile"], options["source"]) == ("honest", "folder")
    assert "--variants mobilenetv2_frozen" in told
    assert "VARIANTS=" not in told


def test_real_images_are_not_sent_to_the_first_steps(real: ReportRecord) -> None:
    assert "/path/to/xrays" not in screen(real)
    assert OWN_WEIGHTS not in screen(real)
    assert "Synthetic" not in screen(real)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "EXTERNAL_SOURCE=folder"),
        ({"external": facts_for(ReportExternal)}, None),
        ({"recommendation.variant": None}, "More images, or more patients"),
        ({"basis": "val"}, "models that have seen neither it nor its patient:"),
        ({"audit.verdict": "warning"}, "Settle what the audit found"),
        (
            {
                "audit.verdict": "shortcut",
                "audit.controls.metadata": facts_for(ControlFacts, above_chance=True),
            },
            "Do not rely on this score",
        ),
    ],
)
def test_next_step_is_what_the_verdict_asks_for(
    changes: dict[str, Any], told: str | None, real: ReportRecord
) -> None:
    step = next_step(changed(real, {**CLEAN, "recommendation.variant": "x", **changes}))
    assert (step is None) == (told is None)
    if step is not None and told is not None:
        assert told in step.text


def test_a_control_that_tells_leads_to_the_remedies_and_they_to_other_images(
    real: ReportRecord,
) -> None:
    told = {"audit.controls.metadata": facts_for(ControlFacts, above_chance=True)}
    shortcut = changed(real, {**CLEAN, "audit.verdict": "shortcut", **told})
    step = next_step(shortcut)
    assert step is not None
    assert step.make == f"make remedy RUN={real.run_key}"
    options = vars(make_parser().parse_args(shlex.split(step.python)[3:]))
    assert (options["command"], options["run"]) == ("remedy", real.run_key)
    remedied = next_step(changed(shortcut, {"config.remedy": "lungs"}))
    assert remedied is not None
    assert not remedied.settings
    assert "find images of both classes" in remedied.text


def test_scores_of_images_that_stopped_the_training_lead_to_folds_on_the_same_images(
    real: ReportRecord, tmp_path: Path
) -> None:
    given = {"config.data": f"{tmp_path}/x rays", "config.follow_links": True}
    step = next_step(changed(real, {**CLEAN, "basis": "val", **given}))
    assert step is not None
    options = vars(make_parser().parse_args(shlex.split(step.python)[3:]))
    assert (options["data"], options["follow_links"]) == (f"{tmp_path}/x rays", True)
    assert step.make == (
        f"make run PROFILE=honest SOURCE=folder DATA='{tmp_path}/x rays' FOLLOW_LINKS=1"
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportRecord:
    drawing = Drawing(failed=["mobilenetv2_partial"], skipped=["mobilenetv2_unfrozen"])
    return finish_report(*draw_run(tmp_path_factory.mktemp("home"), drawing))


def line_of(report: ReportRecord, variant: str, *, width: int = WIDTH) -> str:
    rows = comparison_table(report, width=width)
    return next(line for line in rows if line.startswith(variant))


def test_every_variant_has_its_line(report: ReportRecord) -> None:
    assert [line.split()[0] for line in comparison_table(report)[1:]] == list(VARIANTS)


def test_line_tells_area_counts_parameters_and_time_of_the_report(report: ReportRecord) -> None:
    facts = report.trained["vanilla_cnn"]
    measured, area = facts.measured["test"], facts.headline.roc_auc
    n_right = measured.confusion.true_positive + measured.confusion.true_negative
    low, high = area.interval or []
    told = line_of(report, "vanilla_cnn")
    assert f"{area.value:.3f} ({low:.3f} to {high:.3f})" in told
    assert f"{n_right}/{measured.n_images} ({measured.accuracy:.1%})" in told
    assert told.endswith("1,045,441      54 s")
    narrow = line_of(report, "vanilla_cnn", width=80)
    assert f"{area.value:.2f} ({low:.2f} to {high:.2f})" in narrow
    assert f" {n_right}/{measured.n_images} " in narrow


def test_undefined_area_is_no_number(report: ReportRecord) -> None:
    place = "variants.vanilla_cnn.headline.roc_auc"
    undefined = changed(report, {f"{place}.value": None, f"{place}.interval": None})
    assert "\N{EN DASH}" in line_of(undefined, "vanilla_cnn")


def test_failed_and_skipped_variants_say_why(report: ReportRecord) -> None:
    assert "failed: TrainingError: the loss" in line_of(report, "mobilenetv2_partial")
    assert line_of(report, "mobilenetv2_unfrozen").endswith("not selected")


@pytest.mark.parametrize("width", [80, 100])
def test_columns_are_aligned(width: int, report: ReportRecord) -> None:
    header, first, second = comparison_table(report, width=width)[:3]
    assert len(header) == len(first) == len(second)


@pytest.mark.parametrize("width", [80, 100])
def test_fits_the_terminal_with_large_counts_and_long_errors(
    width: int, report: ReportRecord
) -> None:
    counts = dict.fromkeys(
        ("true_positive", "false_positive", "true_negative", "false_negative"), 123_456
    )
    wide = {
        "variants.vanilla_cnn.test_confusion": counts,
        "variants.mobilenetv2_partial.error": "why " * 100,
    }
    told = comparison_table(changed(report, wide), width=width)
    assert max(map(len, told)) <= width
    assert "246912/493824" in told[1]


def test_names_from_outside_cannot_break_a_line_or_colour_it(report: ReportRecord) -> None:
    failed = {"variants.mobilenetv2_partial.error": "bad \x1b[31m name\u202e"}
    told = line_of(changed(report, failed), "mobilenetv2_partial")
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "bad \\x1b[31m name\\u202e" in told
