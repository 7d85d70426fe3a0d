"""A person's approval in words: the question, as Airflow and the terminal show it."""

from dataclasses import dataclass

from cxr_tasks.champion.approval import find_approval
from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.champion.describe import fill_text
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record, require_record
from cxr_tasks.wording import PART_NAMES, VERDICT_NAMES, one_line


@dataclass(frozen=True)
class Question:
    """What a person is asked."""

    subject: str  # a line
    body: str  # Markdown


def question_of(run: RunPaths, asked: ApprovalRecord, *, link: str = "") -> Question:
    """Put what is asked about a run's model into words.

    Args:
        run: The run.
        asked: What was written down for that.
        link: To the report; without one its file is named.

    Raises:
        ArtifactError: The report is missing or damaged.
    """
    report = require_record(run.report, ReportRecord)
    body = fill_text(
        "approval.md.j2",
        asked=asked,
        report=report,
        link=link,
        report_file=str(run.report / "index.html"),
        part_names=PART_NAMES,
        verdict_names=VERDICT_NAMES,
    )
    instead = f"in place of {asked.champion}" if asked.champion else "as the first champion"
    subject = f"Shall {report.shown.title} of run {run.key} serve, {instead}?"
    return Question(one_line(subject, 300), body.strip())


def describe_approval(run: RunPaths) -> str:
    """Describe for the terminal what is asked about a run's model, and what was answered."""
    asked = find_approval(run)
    if asked is None:
        return f"Nothing is asked about the run {run.key}. --ask decides anew whether to ask."
    question = question_of(run, asked)
    if asked.answer is None:
        state = (
            f"Nobody has answered since {asked.asked_at}. In Airflow: Required Actions. Or here: "
            f"python -m cxr_tasks approval --run {run.key} --approve {asked.question} --reason "
            f"TEXT (or --reject {asked.question})."
        )
    else:
        state = f"Answer: {asked.answer.in_words()}."
        if not _was_held_to(run):
            state += f" It is held to by: python -m cxr_tasks promote --run {run.key}"
    return f"{question.subject}\n\n{question.body}\n\n{state}"


def _was_held_to(run: RunPaths) -> bool:
    """Return whether stage `promote` has decided by what is on record now."""
    record = find_record(run.promote, PromotionRecord)
    return record is not None and record.inputs.get("approval") == sha256_of(run.approval)
