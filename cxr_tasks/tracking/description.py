"""What a reader on a tracking server has to know before a run's figures: the run's description."""

from collections.abc import Mapping

from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.reporting.run_summary import NOTICE, about_decisions, notes
from cxr_tasks.runs.failure import FailureRecord
from cxr_tasks.wording import PART_NAMES, VERDICT_NAMES, markdown, one_line, recommended

SYNTHETIC = "Synthetic images: this project drew them. No number is about patients."
_MAX_LINE = 300


def describe(
    report: ReportFigures | None, failures: Mapping[str, FailureRecord], *, synthetic: bool | None
) -> str:
    """Write a run's description as Markdown, the gravest first.

    Args:
        report: The run's figures, where it got that far.
        failures: How its stages failed, by name.
        synthetic: Whether this project drew the images; None where none are there yet.
    """
    lines = [f"**{SYNTHETIC}**"] if synthetic else []
    lines.append(NOTICE)
    lines += [
        f"Failed: {name}: {one_line(failure.first_line, _MAX_LINE)}"
        for name, failure in failures.items()
    ]
    if report is None:
        lines.append("The run has no report: the figures here are of trainings alone.")
    else:
        lines += _results(report)
    return "\n\n".join(line if line.startswith("**") else markdown(line) for line in lines)


def describe_variant(*, synthetic: bool | None) -> str:
    """Write the description of a variant's run, whose figures are read without the whole run's."""
    return "\n\n".join([f"**{SYNTHETIC}**"] * bool(synthetic) + [markdown(NOTICE)])


def _results(report: ReportFigures) -> list[str]:
    shown = report.shown_name
    headline = report.shown.headline
    whose = (
        f"Metrics without a variant's name are those of {shown}, on {headline.n_images} "
        f"{PART_NAMES[headline.basis]} images; _low and _high are the ends of 95 % intervals."
    )
    lines = [
        about_decisions(report),
        f"Verdict: {VERDICT_NAMES[report.audit.verdict]}. {report.audit.sentence}",
        f"{recommended(report.recommendation.variant)}. {report.recommendation.reason}",
        whose,
        *notes(report),
    ]
    return [line for line in lines if line]
