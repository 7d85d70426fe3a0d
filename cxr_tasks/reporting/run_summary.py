"""What a run has done and what to know before using its numbers, for page and terminal."""

from cxr_tasks.evaluation.banners import DECIDED
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.runs.starts import How
from cxr_tasks.volume.progress import duration
from cxr_tasks.wording import VERDICT_NAMES, decimal, decimals, one_line, utc

NOTICE = "Research software, not a medical device: it must not decide about a patient."
_SAID_ELSEWHERE = ("chance", DECIDED)  # by the recommendation, and above the verdict

_HOW: dict[How, str] = {
    "command line": "at the command line",
    "by hand": "by hand in Airflow",
    "schedule": "by the schedule",
    "new images": "for new images",
    "another DAG": "by another DAG",
    "backfill": "by a backfill",
    "Airflow": "through Airflow",
}


def notes(report: ReportFigures) -> list[str]:
    """Return a run's notes, the gravest first, without what stands in a place of its own.

    Args:
        report: As `report_facts` returns them; older runs word their notes as they did then.
    """
    return [each.text for each in report.banners if each.kind not in _SAID_ELSEWHERE]


def about_decisions(report: ReportFigures) -> str:
    """Return what belongs above the verdict where people's decisions changed labels; else nothing.

    The verdict of an equal run without them stands beside it, where there is such a run.

    Args:
        report: As `report_facts` returns them.
    """
    decided = report.label_decisions
    if decided is None or not decided.changes_data:
        return ""
    said = " ".join(each.text for each in report.banners if each.kind == DECIDED)
    without, area = decided.without, report.shown.headline.roc_auc
    if without is None:
        return f"{said} No equal run without them is on this volume; this command makes it:"
    return (
        f"{said} Without them, run {without.run_key}: {VERDICT_NAMES[without.verdict]}, "
        f"AUC {decimal(without.roc_auc.value)} ({decimals(without.roc_auc.interval)}); with them "
        f"{VERDICT_NAMES[report.audit.verdict]}, AUC {decimal(area.value)} "
        f"({decimals(area.interval)})."
    )


def about_suspects(report: ReportFigures) -> str:
    """Return how many labels somebody should look at, and why; empty where there is none."""
    found = report.label_suspects
    if found is None or not found.n_to_look_at:
        return ""
    parts = []
    if n := found.n_suspects:
        to_whom = " to the models" if found.n_by_model == n else ""
        parts.append(
            f"{n} of {found.n_images} labels {'looks' if n == 1 else 'look'} wrong{to_whom}"
        )
    if n := found.n_of_patients:
        parts.append(f"{n} {'image is' if n == 1 else 'images are'} of patients with both labels")
    return " and ".join(parts)


def when_and_by_whom(report: ReportFigures) -> str:
    """Return when a run began and ended and who began it, in UTC; empty where it is not known."""
    times = report.times
    if times is None:
        return ""
    began, ended = utc(times.started_at), utc(times.ended_at)
    same_day = began[:10] == ended[:10]
    by = f" by {one_line(times.by, 60)}, " if times.by else " "
    return (
        f"{began} to {ended[11:] if same_day else ended} UTC "
        f"({duration(times.ended_at - times.started_at)}), started{by}{_HOW[times.how]}"
    )


def what_was_done(report: ReportFigures, *, named: bool) -> str:
    """Describe a run in a sentence: images, source, variants, split, seed.

    Args:
        report: As `report_facts` returns them.
        named: Whether the variants are listed by their names.
    """
    from cxr_tasks.reporting.environment import BLANKS, make_environment

    text = make_environment().get_template("done.j2").render(report=report, named=named)
    return BLANKS.sub(" ", text).strip()
