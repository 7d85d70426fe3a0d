"""A scored batch in a few lines of a terminal."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.reporting.last_screen import WIDTH
from cxr_tasks.wording import decimal, one_line

_NOTICE = "Research software, not a medical device: nothing here decides about a patient."
_VERDICTS = {
    "shortcut": "Audit, shortcut: this champion's scores are no evidence of detecting disease.",
    "warning": "Audit, warning: part of this champion's scores may not be about disease.",
    "clean": "Audit, clean: no shortcut was found; others than those looked for may be there.",
}


def score_summary(record: Mapping[str, Any], folder: Path) -> str:
    """Say what was scored, what was refused, and where the results are.

    Args:
        record: The content of score.json.
        folder: Where it lies.
    """
    champion = record["champion"]
    synthetic = ["Trained on synthetic images."] if champion["synthetic"] else []
    start = champion.get("start") or ""  # older batches do not say
    retired = champion.get("retired")  # batches of older versions of the project do not say
    told = f"Retired on {retired['at']}: {one_line(retired['reason'], 300)}" if retired else ""
    rows = {
        "images": str(record["n_images"]),
        "positive": f"{record['n_positive']}   score at least {decimal(champion['cutoff'])}",
        "negative": str(record["n_negative"]),
        "refused": _with_reasons(record["n_refused"], record["n_refused_by_reason"]),
        "known": _with_reasons(record["n_known"], record["n_known_by_kind"]),
        "left out": _with_reasons(sum(record["n_left_out"].values()), record["n_left_out"]),
        "links": f"{record['n_ignored_links']}   leading elsewhere, not followed",
    }
    shown = {name: told for name, told in rows.items() if not _is_spare(name, told)}
    width = max(len(told.split()[0]) for told in shown.values())
    return "\n".join(
        [
            f"Scored by champion {champion['version']} ({champion['title']})",
            *[_line(name, told, width) for name, told in shown.items()],
            f"Table: {folder / 'scores.csv'}",
            f"Page:  {folder / 'index.html'}",
            *textwrap.wrap(told, WIDTH),
            *synthetic,
            *textwrap.wrap(start, WIDTH),
            _VERDICTS[champion["verdict"]],
            _NOTICE,
        ]
    )


def _with_reasons(n: int, by_reason: Mapping[str, int]) -> str:
    if len(by_reason) == 1:
        return f"{n}   {next(iter(by_reason))}"
    told = ", ".join(f"{n_here} {reason}" for reason, n_here in by_reason.items())
    return f"{n}   {told}" if told else str(n)


def _is_spare(name: str, told: str) -> bool:
    """Leave out the lines of rare things that did not occur."""
    return name in ("known", "left out", "links") and told.split()[0] == "0"


def _line(name: str, told: str, width: int) -> str:
    """Align the number; long reasons go on below where they began."""
    number, *words = told.split()
    start = f"  {name:<10}{number:>{width}}   "
    text = f"{start}{' '.join(words)}"
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent=" " * len(start)))
