"""The comparison as plain text, for the end of a run in a terminal."""

import textwrap
from collections.abc import Mapping
from typing import Any

from cxr_tasks.wording import PART_NAMES, UNDEFINED, decimal, one_line, percent, proportions

WIDTH = 100

_NOTICE = "Research software, not a medical device."
_HEADER = (
    "variant", "accuracy", "sensitivity", "specificity", "AUC", "epochs", "seconds",
)  # fmt: skip
_NUMBER_WIDTHS = (16, 16, 16, 5, 6, 8)
_GAP = "  "


def comparison_table(report: Mapping[str, Any]) -> str:
    """Lay out a run's comparison from its `report.json`, at most 100 columns wide."""
    basis = report["basis"]
    title = f"Run {report['run_key']}, on {_n_images(report)} {PART_NAMES[basis]} images"
    chosen = report["recommendation"]["variant"]
    rows = [_row(name, facts, basis) for name, facts in report["variants"].items()]
    told = [f"Recommended: {chosen}. {report['recommendation']['reason']}"]
    told += [f"Note: {banner['text']}" for banner in report["banners"]]
    lines = [*textwrap.wrap(title, WIDTH), "", _line(_HEADER), *rows, ""]
    for text in [*told, _NOTICE]:
        lines += textwrap.wrap(one_line(text, 1000), WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def _n_images(report: Mapping[str, Any]) -> int:
    facts = report["variants"][report["recommendation"]["variant"]]
    return int(facts["headline"]["n_images"])


def _row(name: str, facts: Mapping[str, Any], basis: str) -> str:
    if facts["status"] == "skipped":
        return f"{name:<{_name_width()}}{_GAP}not selected"
    if facts["status"] == "failed":
        reason = (str(facts["error"] or "").strip().splitlines() or [""])[0]
        room = WIDTH - _name_width() - len(_GAP) - len("failed: ")
        return f"{name:<{_name_width()}}{_GAP}failed: {one_line(reason, room)}"
    counts = proportions(facts[f"{basis}_confusion"])
    shares = [_share(counts[metric]) for metric in ("accuracy", "sensitivity", "specificity")]
    auc = decimal(facts[f"{basis}_roc_auc"])
    return _line((name, *shares, auc, str(facts["epochs_run"]), f"{facts['train_seconds']:.1f}"))


def _share(counts: tuple[int, int]) -> str:
    part, whole = counts
    return f"{percent(part / whole)} ({part}/{whole})" if whole else UNDEFINED


def _line(cells: tuple[str, ...]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[1:], _NUMBER_WIDTHS, strict=True)]
    return _GAP.join([f"{cells[0]:<{_name_width()}}", *numbers]).replace("\N{NO-BREAK SPACE}", " ")


def _name_width() -> int:
    # The longest name; what is left of the 100 columns holds six numbers, counts to 9,999.
    return len("mobilenetv2_unfrozen")
