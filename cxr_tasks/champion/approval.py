"""A person's approval of a promotion: the question, the answer, and what holds by it."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from cxr_tasks.champion.approval_record import ApprovalFacts, ApprovalRecord
from cxr_tasks.champion.decision import Decision
from cxr_tasks.champion.pointer import changing
from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.notes import check_name
from cxr_tasks.volume.files import as_unicode, sha256_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.record_model import read_sealed_record, write_sealed_record
from cxr_tasks.wording import one_line

MAX_REASON_LENGTH = 1000


def report_digest(run: RunPaths) -> str:
    """Return the SHA-256 of a run's `report.json`, which has that of every file of the report."""
    return sha256_of(run.report / ReportRecord.FILE)


def find_approval(run: RunPaths) -> ApprovalRecord | None:
    """Read what a person was asked about a run, and the answer; None where nobody was asked.

    Raises:
        DamagedError: It is not what was written.
    """
    return read_sealed_record(run.approval, ApprovalRecord) if run.approval.exists() else None


def answer_approval(
    run: RunPaths,
    question: str,
    answer: Literal["approved", "rejected", "expired"],
    *,
    by: str | None,
    reason: str,
    now: datetime,
) -> ApprovalFacts:
    """Write down the answer to the question that is open; `promote` holds to it.

    Args:
        run: The run.
        question: Which one was read, as `ApprovalRecord.question` names it.
        answer: What was answered.
        by: Who did, where a person did.
        reason: Why.
        now: When.

    Raises:
        ConfigError: That question is not open, or a person gives no reason or no usable name.
    """
    reason = one_line(as_unicode(reason).strip(), MAX_REASON_LENGTH)
    if not reason:
        raise ConfigError(
            f"The run {run.key!r} is {answer} without a reason.",
            "The champion's history says why a model serves, or why it does not.",
            "Give a reason (command line: --reason TEXT).",
        )
    by = by if by is None else check_name(by)
    with changing(run.home):
        asked = _open_question(run, question)
        facts = ApprovalFacts(
            answer=answer,
            by=by,
            at=now.isoformat(timespec="seconds"),
            reason=reason,
            report_sha256=asked.report_sha256,
        )
        write_sealed_record(run.approval, asked.model_copy(update={"answer": facts}))
        return facts


def _open_question(run: RunPaths, question: str) -> ApprovalRecord:
    asked = find_approval(run)
    if asked is not None and asked.answer is None and asked.question == question:
        return asked
    if asked is None:
        problem = f"Nothing is asked about the run {run.key!r}."
    elif asked.answer is not None:
        problem = f"What was asked about the run {run.key!r} has an answer: "
        problem += f"{asked.answer.in_words()}."
    else:
        problem = f"What is asked about the run {run.key!r} is question {asked.question}, "
        problem += f"not {shown(question)}."
    raise ConfigError(
        problem,
        "An answer is to the open question that was read: whether a model shall serve that would "
        "be promoted, in place of one champion.",
        f"Read what is asked now: python -m cxr_tasks approval --run {run.key} --ask",
    )


def held_to_answer(decision: Decision, run: RunPaths, *, champion: str | None) -> Decision:
    """Return what becomes of a model that is to be promoted, now that a person decides.

    An approval holds for the report that was read and for the champion that was to be replaced.
    """
    asked = find_approval(run)
    answer = asked.answer if asked else None
    if asked is None or answer is None:
        how = f"python -m cxr_tasks approval --run {run.key} --ask"
        return _kept(decision, f"Nobody has approved it (in Airflow: Required Actions; or {how}).")
    decision = replace(decision, approval=answer)
    if answer.answer != "approved":
        return _kept(decision, f"{_sentence(answer)}.")
    if answer.report_sha256 != report_digest(run):
        problem = (
            f"Its report is not the one that was {answer.in_words()}; it has to be asked anew."
        )
        return _kept(decision, problem, verdict="refused")
    if asked.champion != champion:
        replaced, serves = asked.champion or "none", champion or "none"
        return _kept(
            decision, f"{_sentence(answer)} in place of {replaced}, but {serves} serves now."
        )
    return replace(decision, reason=f"{decision.reason} {_sentence(answer)}.")


def _kept(
    decision: Decision, why: str, *, verdict: Literal["kept", "refused"] = "kept"
) -> Decision:
    return replace(decision, decision=verdict, reason=f"{why} Without that: {decision.reason}")


def _sentence(answer: ApprovalFacts) -> str:
    words = answer.in_words()
    return words[0].upper() + words[1:]
