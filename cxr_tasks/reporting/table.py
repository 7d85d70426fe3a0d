"""The comparison as plain text, for the end of a run in a terminal."""

import textwrap
from collections.abc import Mapping
from typing import Any

from cxr_tasks.recommended import recommended, shown_variant
from cxr_tasks.reporting.wording import PART_NAMES, UNDEFINED, decimal, one_line, proportions

WIDTH = 100

_NOTICE = "Research software, not a medical device."
_HEADER = ("variant", "accuracy", "sensitivity", "specificity", "AUC", "epochs", "seconds")
_GAP = "  "

Cells = tuple[str, ...]


def comparison_table(report: Mapping[str, Any]) -> str:
    """Lay out a run's comparison from its `report.json`, at most 100 columns wide."""
    basis = report["basis"]
    recommendation = report["recommendation"]
    n_images = report["variants"][shown_variant(recommendation)]["headline"]["n_images"]
    told = [f"{recommended(recommendation['variant'])}. {recommendation['reason']}"]
    told.append(f"Audit, {report['audit']['verdict']}: {report['audit']['sentence']}")
    told += [f"Note: {banner['text']}" for banner in report["banners"]]
    lines = [f"Run {one_line(report['run_key'], 60)}, on {n_images} {PART_NAMES[basis]} images", ""]
    lines += [*_rows(report["variants"], basis), ""]
    for text in [*told, _NOTICE]:
        lines += textwrap.wrap(one_line(text, 1000), WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def _rows(variants: Mapping[str, Mapping[str, Any]], basis: str) -> list[str]:
    """Align the columns; the counts of the two rates give way where they would not fit."""
    ok = {name: facts for name, facts in variants.items() if facts["status"] == "ok"}
    for with_counts in (True, False):
        cells = {name: _cells(name, facts, basis, with_counts) for name, facts in ok.items()}
        columns = zip(_HEADER, *cells.values(), strict=True)
        widths = [max(len(cell) for cell in column) for column in columns]
        widths[0] = max(len(name) for name in variants)
        if sum(widths) + len(_GAP) * (len(widths) - 1) <= WIDTH:
            break
    lines = {name: _line(row, widths) for name, row in cells.items()}
    rest = {name: _reason(name, facts, widths[0]) for name, facts in variants.items()}
    return [_line(_HEADER, widths), *[(rest | lines)[name] for name in variants]]


def _cells(name: str, facts: Mapping[str, Any], basis: str, with_counts: bool) -> Cells:
    counts = proportions(facts[f"{basis}_confusion"])
    return (
        name,
        _share(counts["accuracy"], True),
        _share(counts["sensitivity"], with_counts),
        _share(counts["specificity"], with_counts),
        decimal(facts[f"{basis}_roc_auc"]),
        str(facts["epochs_run"]),
        f"{facts['total_seconds']:.1f}",
    )


def _share(counts: tuple[int, int], with_counts: bool) -> str:
    part, whole = counts
    if not whole:
        return UNDEFINED
    told = f"{part / whole:.1%}"
    return f"{told} ({part}/{whole})" if with_counts else told


def _line(cells: Cells, widths: list[int]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return _GAP.join([f"{cells[0]:<{widths[0]}}", *numbers])


def _reason(name: str, facts: Mapping[str, Any], width: int) -> str:
    """Say in a variant's row why it has no numbers."""
    told = "not selected"
    if facts["status"] == "failed":
        first = (str(facts["error"] or "").strip().splitlines() or ["no reason is known"])[0]
        told = f"failed: {one_line(first, WIDTH - width - len(_GAP) - len('failed: '))}"
    return f"{name:<{width}}{_GAP}{told}"
