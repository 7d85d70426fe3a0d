from typing import Any

import pytest

from cxr_tasks.reporting.last_screen import WIDTH, comparison_table
from cxr_tasks.variants import VARIANTS
from tests.drawn_run import Drawing, draw_run, finish_report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    drawing = Drawing(failed=["mobilenetv2_partial"], skipped=["mobilenetv2_unfrozen"])
    return finish_report(*draw_run(tmp_path_factory.mktemp("home"), drawing))


def line_of(report: dict[str, Any], variant: str, *, width: int = WIDTH) -> str:
    rows = comparison_table(report, width=width)
    return next(line for line in rows if line.startswith(variant))


def test_every_variant_has_its_line(report: dict[str, Any]) -> None:
    assert [line.split()[0] for line in comparison_table(report)[1:]] == list(VARIANTS)


def test_line_tells_area_counts_parameters_and_time_of_the_report(report: dict[str, Any]) -> None:
    facts = report["variants"]["vanilla_cnn"]
    confusion = facts["test_confusion"]
    n_right = confusion["true_positive"] + confusion["true_negative"]
    area, (low, high) = (
        facts["headline"]["roc_auc"]["value"],
        facts["headline"]["roc_auc"]["interval"],
    )
    told = line_of(report, "vanilla_cnn")
    assert f"{area:.3f} ({low:.3f} to {high:.3f})" in told
    assert f"{n_right}/{facts['test_n_images']} ({facts['test_accuracy']:.1%})" in told
    assert told.endswith("1,045,441      54 s")
    narrow = line_of(report, "vanilla_cnn", width=80)
    assert f"{area:.2f} ({low:.2f} to {high:.2f})" in narrow
    assert f" {n_right}/{facts['test_n_images']} " in narrow


def test_undefined_area_is_no_number(report: dict[str, Any]) -> None:
    facts = report["variants"]["vanilla_cnn"]
    headline = {**facts["headline"], "roc_auc": {"value": None, "interval": None}}
    variants = {**report["variants"], "vanilla_cnn": {**facts, "headline": headline}}
    assert "\N{EN DASH}" in line_of({**report, "variants": variants}, "vanilla_cnn")


def test_failed_and_skipped_variants_say_why(report: dict[str, Any]) -> None:
    assert "failed: TrainingError: the loss" in line_of(report, "mobilenetv2_partial")
    assert line_of(report, "mobilenetv2_unfrozen").endswith("not selected")


@pytest.mark.parametrize("width", [80, 100])
def test_columns_are_aligned(width: int, report: dict[str, Any]) -> None:
    header, first, second = comparison_table(report, width=width)[:3]
    assert len(header) == len(first) == len(second)


@pytest.mark.parametrize("width", [80, 100])
def test_fits_the_terminal_with_large_counts_and_long_errors(
    width: int, report: dict[str, Any]
) -> None:
    counts = dict.fromkeys(
        ("true_positive", "false_positive", "true_negative", "false_negative"), 123_456
    )
    wide = {**report["variants"]["vanilla_cnn"], "test_confusion": counts}
    failed = {"status": "failed", "error": "why " * 100}
    variants = {**report["variants"], "vanilla_cnn": wide, "mobilenetv2_partial": failed}
    told = comparison_table({**report, "variants": variants}, width=width)
    assert max(map(len, told)) <= width
    assert "246912/493824" in told[1]


def test_names_from_outside_cannot_break_a_line_or_colour_it(report: dict[str, Any]) -> None:
    failed = {"status": "failed", "error": "bad \x1b[31m name\u202e"}
    variants = {**report["variants"], "mobilenetv2_partial": failed}
    told = line_of({**report, "variants": variants}, "mobilenetv2_partial")
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "bad \\x1b[31m name\\u202e" in told
