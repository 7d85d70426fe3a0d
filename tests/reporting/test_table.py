from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.reporting.table import WIDTH, comparison_table
from cxr_tasks.variants import VARIANTS
from tests.drawn_run import Drawing, draw_run, finish_report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    drawing = Drawing(failed=["mobilenetv2_partial"], skipped=["mobilenetv2_unfrozen"])
    return finish_report(*draw_run(tmp_path_factory.mktemp("home"), drawing))


def line_of(report: dict[str, Any], variant: str) -> str:
    return next(line for line in comparison_table(report).splitlines() if line.startswith(variant))


def test_every_variant_has_its_line(report: dict[str, Any]) -> None:
    lines = comparison_table(report).splitlines()
    assert [line.split()[0] for line in lines[3:7]] == list(VARIANTS)


def test_line_tells_the_counts_of_the_report(report: dict[str, Any]) -> None:
    facts = report["variants"]["vanilla_cnn"]
    confusion = facts["test_confusion"]
    n_right = confusion["true_positive"] + confusion["true_negative"]
    share = f"{facts['test_accuracy']:.1%} ({n_right}/{facts['test_n_images']})"
    assert share in line_of(report, "vanilla_cnn")


def test_failed_and_skipped_variants_say_why(report: dict[str, Any]) -> None:
    assert "failed: TrainingError: the loss" in line_of(report, "mobilenetv2_partial")
    assert line_of(report, "mobilenetv2_unfrozen").endswith("not selected")


def test_columns_are_aligned(report: dict[str, Any]) -> None:
    header, first, second = comparison_table(report).splitlines()[2:5]
    assert len(header) == len(first) == len(second)


def test_fits_the_terminal_with_large_counts_and_long_errors(report: dict[str, Any]) -> None:
    counts = dict.fromkeys(
        ("true_positive", "false_positive", "true_negative", "false_negative"), 123_456
    )
    wide = {**report["variants"]["vanilla_cnn"], "test_confusion": counts}
    failed = {"status": "failed", "error": "why " * 100}
    variants = {**report["variants"], "vanilla_cnn": wide, "mobilenetv2_partial": failed}
    banners = [{"kind": "phantom", "text": "long " * 60}]
    told = comparison_table({**report, "variants": variants, "banners": banners})
    assert max(len(line) for line in told.splitlines()) <= WIDTH
    assert "50.0% (246912/493824)" in told


def test_names_from_outside_cannot_break_a_line_or_colour_it(report: dict[str, Any]) -> None:
    failed = {"status": "failed", "error": "bad \x1b[31m name\u202e"}
    told = comparison_table(
        {**report, "variants": {**report["variants"], "mobilenetv2_partial": failed}}
    )
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "bad \\x1b[31m name\\u202e" in told


def test_banners_and_notice_stand_below(report: dict[str, Any], tmp_path: Path) -> None:
    told = comparison_table(report)
    assert "Note: Synthetic images" in told
    assert told.endswith("Research software, not a medical device.")
    real = Drawing(n_images=100, synthetic=False, weights_origin="file")
    run = draw_run(tmp_path, real, source="folder", data=str(tmp_path))
    assert "Note:" not in comparison_table(finish_report(*run))
