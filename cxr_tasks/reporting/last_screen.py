"""What a run ends with in a terminal: done, verdict, comparison, recommendation, what next."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cxr_tasks.reporting.done import what_was_done
from cxr_tasks.reporting.next_step import NextStep, next_step
from cxr_tasks.reporting.notes import NOTICE, notes
from cxr_tasks.reporting.table import comparison_table
from cxr_tasks.wording import VERDICT_NAMES, one_line, recommended

_INDENT = "  "


def last_screen(
    report: Mapping[str, Any],
    *,
    width: int,
    report_file: str,
    with_make: bool,
    also: Iterable[str] = (),
) -> str:
    """Write the last screen of a run.

    Only a command or a file's name may be wider than the terminal: what is broken cannot be
    copied.

    Args:
        report: As `report_facts` gives them.
        width: Columns of the terminal, at least 80.
        report_file: Where the page lies.
        with_make: Whether the next command is one of `make`, as this run's was.
        also: Lines on champion and images.
    """
    chosen, audit = report["recommendation"], report["audit"]
    step = next_step(report)
    blocks = [
        _wrapped(what_was_done(report, named=False), width),
        _titled(f"Verdict: {VERDICT_NAMES[audit['verdict']]}", audit["sentence"], width),
        comparison_table(report, width=width),
        _titled(recommended(chosen["variant"]), chosen["reason"], width),
        [line for text in (*notes(report), NOTICE) for line in _item(text, width)],
        [
            *(line for text in also for line in _wrapped(text, width, hanging=True)),
            f"Report: {report_file}",
        ],
        list(_next(step, width, with_make)) if step else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _next(step: NextStep, width: int, with_make: bool) -> Iterator[str]:
    told, remark = (text if with_make else step.as_flags(text) for text in (step.text, step.remark))
    yield from _wrapped(f"Next: {told[0].lower()}{told[1:]}", width, hanging=True)
    if step.settings:
        yield f"{_INDENT}{step.make if with_make else step.python}"
    if remark:
        yield from _wrapped(_INDENT + remark, width, hanging=True)


def _titled(title: str, text: str, width: int) -> list[str]:
    return _wrapped(f"{title}. {text}", width, hanging=True)


def _item(text: str, width: int) -> list[str]:
    return _wrapped(f"- {text}", width, hanging=True)


def _wrapped(text: str, width: int, *, hanging: bool = False) -> list[str]:
    return textwrap.wrap(
        one_line(text, 1200),
        width,
        subsequent_indent=_INDENT if hanging else "",
        break_on_hyphens=False,
    )
