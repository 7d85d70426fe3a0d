"""The table of runs as CSV, for a spreadsheet or a script."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cxr_tasks.site.run_facts import MEASURES, FailedStage, ReportFacts, RunFacts
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import as_csv
from cxr_tasks.wording import NONE

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a text for a formula, where it stands first."""

Cell = str | float | int | None


def runs_csv(runs: Iterable[RunFacts]) -> str:
    """Write a row for each run, every column of the table and more; an absent value is empty.

    A text that a spreadsheet would take for a formula has an apostrophe put before it, as OWASP
    advises (CSV injection).
    """
    rows = (_row(run) for run in runs)
    safe = ({name: _safe(value) for name, value in row.items()} for row in rows)
    return as_csv([*_row(_EMPTY)], safe)


def _row(run: RunFacts) -> dict[str, Cell]:
    report, said = run.report, run.said
    return {
        "run": run.key,
        "began_utc": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
        "state": run.state,
        "task": " ".join(run.tasks),
        "error": run.problem or "; ".join(map(_failure, run.failures)) or None,
        "profile": run.profile,
        "source": run.source,
        "data": report.data if report else None,
        "data_fingerprint": report.data_fingerprint if report else None,
        "n_images": report.n_images if report else None,
        "synthetic": str(report.synthetic).lower() if report else None,
        "weights_origin": report.weights_origin if report else None,
        "scored_on": report.basis if report else None,
        "verdict": report.verdict if report else None,
        "recommended": (report.recommended or NONE) if report else None,
        **_figures(report),
        "duration_seconds": run.duration_seconds,
        "promotion": run.decision,
        "version": run.version,
        "tags": " ".join(said.tags) if said else None,
        "note": said.text if said else None,
        "note_by": said.by if said else None,
        "note_at": said.at if said else None,
    }


def _failure(failed: FailedStage) -> str:
    """Return how a stage failed in a line, as the table has it."""
    return f"{failed.stage}: {next(iter(failed.message.splitlines()), '')}"


def _figures(report: ReportFacts | None) -> dict[str, Cell]:
    row: dict[str, Cell] = {}
    for name in VARIANTS:
        facts = report.variants[name] if report else None
        row[f"{name}_status"] = facts.status if facts else None
        for measure in MEASURES:
            figure = facts.figure(measure) if facts else None
            low, high = (figure.interval if figure else None) or (None, None)
            row |= {
                f"{name}_{measure}": figure.value if figure else None,
                f"{name}_{measure}_low": low,
                f"{name}_{measure}_high": high,
            }
    return row


def _safe(value: Cell) -> Cell:
    if not isinstance(value, str):
        return value
    value = value.encode(errors="backslashreplace").decode()  # half a pair is no Unicode
    return f"'{value}" if value.startswith(_FORMULA) else value


_EMPTY = RunFacts("", 0.0)
