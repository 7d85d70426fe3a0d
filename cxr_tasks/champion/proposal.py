"""What a person is asked before a run's model serves: only where it would be promoted."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cxr_tasks.champion.approval import MAX_REASON_LENGTH, find_approval, report_digest
from cxr_tasks.champion.approval_record import ApprovalFacts, ApprovalRecord
from cxr_tasks.champion.eligibility import lacking, open_challenger
from cxr_tasks.champion.pointer import changing, serving
from cxr_tasks.champion.promotion import decide_challenge, promoted_before
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.volume.records import Note
from cxr_tasks.wording import one_line


def propose(
    run: RunPaths, config: RunConfig, *, score: Score, now: datetime, note: Note
) -> ApprovalRecord | None:
    """Write down what a person is asked about a run's model; None where it would not be promoted.

    Its challenge is decided for that, and counts: a person who answers has seen its figures. Stage
    `promote` then decides it again, as the same challenge.

    Raises:
        ArtifactError: A file of the run or of the champion is missing or damaged.
    """
    with changing(run.home), TemporaryDirectory() as folder:
        built, before = Path(folder), find_approval(run)
        if lack := lacking(run, config):
            _ask_nothing(run, before, lack, now=now, note=note)
            return None
        challenger = open_challenger(run, config)
        if promoted_before(challenger, built):
            note("its model was promoted before; nobody is asked again")
            return None
        decision = decide_challenge(challenger, score=score, note=note, built=built)
        if decision.decision != "promoted":
            why = f"{decision.decision}: {decision.reason}"
            _ask_nothing(run, before, why, now=now, note=note)
            return None
        question = ApprovalRecord(
            variant=challenger.variant,
            champion=serving(run.home),
            report_sha256=report_digest(run),
            proposal=decision.reason,
            asked_at=now.isoformat(timespec="seconds"),
            answer=None,
            earlier=_answers(before),
        )
        if before is not None and _is_the_same(before, question):
            return before
        write_sealed_record(run.approval, question)
        return question


def _answers(before: ApprovalRecord | None) -> list[ApprovalFacts]:
    if before is None:
        return []
    return [*before.earlier, *([before.answer] if before.answer else [])]


def _is_the_same(before: ApprovalRecord, question: ApprovalRecord) -> bool:
    """Return whether it is open already, so that an answer to it still counts."""
    at = {"asked_at": question.asked_at}
    return before.answer is None and before.model_copy(update=at).question == question.question


def _ask_nothing(
    run: RunPaths, before: ApprovalRecord | None, why: str, *, now: datetime, note: Note
) -> None:
    """Withdraw the question that is open, if one is."""
    note(f"nobody is asked, since it would not be promoted. {why}")
    if before is None or before.answer is not None:
        return
    withdrawn = ApprovalFacts(
        answer="withdrawn",
        by=None,
        at=now.isoformat(timespec="seconds"),
        reason=one_line(why, MAX_REASON_LENGTH),
        report_sha256=before.report_sha256,
    )
    write_sealed_record(run.approval, before.model_copy(update={"answer": withdrawn}))
