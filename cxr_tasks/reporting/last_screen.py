"""What a run ends with in a terminal: done, verdict, comparison, recommendation, what next."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from cxr_tasks.data.sources.left_out import left_out_in_words, left_out_of
from cxr_tasks.reporting.next_step import NextStep, next_step
from cxr_tasks.reporting.report_record import (
    LABELS_PAGE,
    ReportFigures,
    ReportVariant,
    VariantReport,
)
from cxr_tasks.reporting.run_summary import (
    NOTICE,
    about_decisions,
    about_suspects,
    notes,
    what_was_done,
    when_and_by_whom,
)
from cxr_tasks.statistics.figures_record import Basis, Estimate
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import duration
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import PART_NAMES, UNDEFINED, VERDICT_NAMES, WIDTH, one_line, recommended

Cells = tuple[str, ...]

_INDENT = _GAP = "  "


def last_screen(
    report: ReportFigures,
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
        report: As `report_facts` returns them.
        width: Columns of the terminal, at least 80.
        report_file: Where the page lies.
        with_make: Whether the next command is one of `make`, as this run's was.
        also: Lines on champion and images.
    """
    chosen, audit = report.recommendation, report.audit
    verdict = f"Verdict: {VERDICT_NAMES[audit.verdict]}"
    step = next_step(report)
    blocks = [
        _wrapped(what_was_done(report, named=False), width, hanging=False),
        list(_decided(report, width)),
        _wrapped(f"{verdict}. {audit.sentence}", width),
        comparison_table(report, width=width),
        _wrapped(f"{recommended(chosen.variant)}. {chosen.reason}", width),
        [line for text in (*notes(report), NOTICE) for line in _wrapped(f"- {text}", width)],
        [
            *(line for text in also for line in _wrapped(text, width)),
            *_suspects(report, report_file),
            *_wrapped(when_and_by_whom(report), width),
            f"Report: {report_file}",
        ],
        list(_next(step, width, with_make)) if step else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _decided(report: ReportFigures, width: int) -> Iterator[str]:
    """Yield what people's decisions changed, and how to see the run without them."""
    if text := about_decisions(report):
        yield from _wrapped(text, width)
    if text.endswith(":") and report.label_decisions:
        yield f"{_INDENT}{report.label_decisions.command}"


def _suspects(report: ReportFigures, report_file: str) -> Iterator[str]:
    if text := about_suspects(report):
        yield f"Labels: {text}. Look at them:"
        yield f"{_INDENT}{Path(report_file).with_name(LABELS_PAGE)}"


def _next(step: NextStep, width: int, with_make: bool) -> Iterator[str]:
    text, remark = (each if with_make else step.as_flags(each) for each in (step.text, step.remark))
    yield from _wrapped(f"Next: {text[0].lower()}{text[1:]}", width)
    if step.settings:
        yield f"{_INDENT}{step.make if with_make else step.python}"
    if remark:
        yield from _wrapped(_INDENT + remark, width)


def _wrapped(text: str, width: int, *, hanging: bool = True) -> list[str]:
    indent = _INDENT if hanging else ""
    visible = one_line(text, 1200)
    return textwrap.wrap(visible, width, subsequent_indent=indent, break_on_hyphens=False)


def comparison_table(report: ReportFigures, *, width: int = WIDTH) -> list[str]:
    """Lay out a run's comparison, a header and a row for each variant.

    Args:
        report: As `report_facts` returns them.
        width: Columns of the terminal, at least 80.
    """
    variants, basis = report.variants, report.basis
    for short in (False, True):
        area = f"{PART_NAMES[basis]} AUC" + (" (95 %)" if short else ", 95 % interval")
        header: Cells = ("variant", area, "right", "trainable", "training")
        cells = {
            name: _cells(name, facts, basis, short=short) for name, facts in report.trained.items()
        }
        columns = zip(header, *cells.values(), strict=True)
        widths = [max(len(cell) for cell in column) for column in columns]
        widths[0] = max(len(name) for name in variants)
        if sum(widths) + len(_GAP) * (len(widths) - 1) <= width:
            break
    rows = [
        _line(cells[name], widths) if name in cells else _reason(name, facts, widths[0], width)
        for name, facts in variants.items()
    ]
    return [_line(header, widths), *rows]


def _cells(name: str, facts: ReportVariant, basis: Basis, *, short: bool) -> Cells:
    n_right, n = facts.measured[basis].confusion.proportions()["accuracy"]
    right = f"{n_right}/{n}" if n else UNDEFINED
    return (
        name,
        _area(facts.headline.roc_auc, digits=2 if short else 3),
        f"{right} ({n_right / n:.1%})" if n and not short else right,
        f"{facts.n_trainable_parameters:,}",
        duration(facts.total_seconds),
    )


def _area(figure: Estimate, *, digits: int) -> str:
    if figure.value is None:
        return UNDEFINED
    area = f"{figure.value:.{digits}f}"
    if figure.interval is None:
        return area
    low, high = figure.interval
    return f"{area} ({low:.{digits}f} to {high:.{digits}f})"


def _line(cells: Cells, widths: list[int]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return _GAP.join([f"{cells[0]:<{widths[0]}}", *numbers])


def _reason(name: str, facts: VariantReport, of_names: int, width: int) -> str:
    """Return the row of a variant that has no numbers."""
    reason = "not selected"
    if facts.status == "failed":
        first = ((facts.error or "").strip().splitlines() or ["no reason is known"])[0]
        reason = f"failed: {one_line(first, width - of_names - len(_GAP) - len('failed: '))}"
    return f"{name:<{of_names}}{_GAP}{reason}"


def ingested_lines(run: RunPaths) -> Iterator[str]:
    """Yield a line for each data set of a run, and one for each kind of what is not in it.

    Data sets that are gone from the volume have no line.
    """
    from cxr_tasks.data.dataset import DatasetRecord
    from cxr_tasks.runs.ingest_record import IngestRecord

    ingested = find_record(run.ingest, IngestRecord)
    if ingested is None:
        return
    for name, title, fingerprint in (
        ("dataset", "Images", ingested.dataset),
        ("external", "External images", ingested.external),
    ):
        folder = run.home.datasets / fingerprint if fingerprint else None
        if folder is None or not (dataset := find_record(folder, DatasetRecord)):
            continue
        left_out = left_out_of(ingested, dataset, name)
        n_left_out = sum(left_out.values())
        yield (
            f"{title}: {dataset.n_images} taken, {dataset.n_rejected or 'none'} rejected, "
            f"{n_left_out or 'none'} left out"
        )
        if reasons := dataset.n_rejected_by_reason:  # older versions did not tally them
            counts = (f"{n} {one_line(reason, 200)}" for reason, n in reasons.items())
            yield f"{_INDENT}Rejected: {', '.join(counts)}"
        if any(dataset.n_masks_by_class.values()):
            counts = (f"{n} {one_line(of)}" for of, n in dataset.n_masks_by_class.items())
            yield f"{_INDENT}With a lung mask: {', '.join(counts)}"
        if unusable := dataset.n_unusable_masks_by_reason:
            counts = (f"{n} {one_line(reason, 200)}" for reason, n in unusable.items())
            yield f"{_INDENT}Lung masks that cannot be used: {', '.join(counts)}"
        if n_left_out:
            yield f"{_INDENT}Left out: {left_out_in_words(left_out)}"
