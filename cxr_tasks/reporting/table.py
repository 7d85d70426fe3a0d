"""The comparison as rows of plain text, for the end of a run in a terminal."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.volume.progress import duration
from cxr_tasks.wording import PART_NAMES, UNDEFINED, one_line, proportions

WIDTH = 100
_GAP = "  "

Cells = tuple[str, ...]


def comparison_table(report: Mapping[str, Any], *, width: int = WIDTH) -> list[str]:
    """Lay out a run's comparison from its `report.json`, a header and a row for each variant.

    Args:
        report: As `report_facts` gives them.
        width: Columns of the terminal, at least 80.
    """
    basis, variants = report["basis"], report["variants"]
    header: Cells = (
        "variant",
        f"{PART_NAMES[basis]} AUC, 95 % interval",
        "right",
        "trainable",
        "training",
    )
    ok = {name: facts for name, facts in variants.items() if facts["status"] == "ok"}
    for short in (False, True):
        header = _shortened(header, basis) if short else header
        cells = {name: _cells(name, facts, basis, short=short) for name, facts in ok.items()}
        columns = zip(header, *cells.values(), strict=True)
        widths = [max(len(cell) for cell in column) for column in columns]
        widths[0] = max(len(name) for name in variants)
        if sum(widths) + len(_GAP) * (len(widths) - 1) <= width:
            break
    lines = {name: _line(row, widths) for name, row in cells.items()}
    rest = {name: _reason(name, facts, widths[0], width) for name, facts in variants.items()}
    return [_line(header, widths), *[(rest | lines)[name] for name in variants]]


def _shortened(header: Cells, basis: str) -> Cells:
    return (header[0], f"{PART_NAMES[basis]} AUC (95 %)", *header[2:])


def _cells(name: str, facts: Mapping[str, Any], basis: str, *, short: bool) -> Cells:
    right = proportions(facts[f"{basis}_confusion"])["accuracy"]
    return (
        name,
        _area(facts["headline"]["roc_auc"], digits=2 if short else 3),
        _share(right, with_percent=not short),
        f"{facts['n_trainable_parameters']:,}",
        duration(facts["total_seconds"]),
    )


def _area(figure: Mapping[str, Any], *, digits: int) -> str:
    if figure["value"] is None:
        return UNDEFINED
    told = f"{figure['value']:.{digits}f}"
    if figure["interval"] is None:
        return told
    low, high = figure["interval"]
    return f"{told} ({low:.{digits}f} to {high:.{digits}f})"


def _share(counts: tuple[int, int], *, with_percent: bool) -> str:
    part, whole = counts
    if not whole:
        return UNDEFINED
    told = f"{part}/{whole}"
    return f"{told} ({part / whole:.1%})" if with_percent else told


def _line(cells: Cells, widths: list[int]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return _GAP.join([f"{cells[0]:<{widths[0]}}", *numbers])


def _reason(name: str, facts: Mapping[str, Any], of_names: int, width: int) -> str:
    """Say in a variant's row why it has no numbers."""
    told = "not selected"
    if facts["status"] == "failed":
        first = (str(facts["error"] or "").strip().splitlines() or ["no reason is known"])[0]
        told = f"failed: {one_line(first, width - of_names - len(_GAP) - len('failed: '))}"
    return f"{name:<{of_names}}{_GAP}{told}"
