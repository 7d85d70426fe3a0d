"""The task that waits for a person before a model serves, by Airflow's human-in-the-loop operator.

It waits in the state `awaiting_input`, in the database alone: no worker, slot or trigger is held.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from cxr_airflow.tasks import (
    APPROVAL_HOURS,
    LINKS,
    RETRIES,
    RETRY_DELAY,
    TASK_HOURS,
    ending_for_good,
    is_dags_test,
    opened_run,
    report_address,
    run_command_as_child,
    time_limit,
)

QUESTION = "question"
"""The XCom in which the task leaves what it has asked, for its own end."""

APPROVE, REJECT = "Approve", "Reject"  # the names by which Airflow's UI knows an approval
REASON = "reason"
NOBODY_HERE = (
    "airflow dags test and make run would wait for ever, so they ask nobody: a model that would be "
    "promoted is kept until somebody approves it: python -m cxr_tasks approval --run NAME --ask"
)

log = logging.getLogger(__name__)


def approval_task(task_id: str) -> "ApprovalTask":
    """Make the task, with its question's form and its time limits."""
    # no minimum length: Airflow checks the empty default too, before it runs the task
    reason = Param(
        "",
        type="string",
        title="Reason",
        description_md="Why it shall serve, or not; kept in the champion's history.",
    )
    made = ApprovalTask(
        task_id=task_id,
        subject="Shall the run's model serve?",
        options=[APPROVE, REJECT],
        params={REASON: reason},
        response_timeout=time_limit(APPROVAL_HOURS),
        retries=RETRIES,
        retry_delay=RETRY_DELAY,
    )
    # not as an argument: the operator would take it for the limit of the answer
    made.execution_timeout = time_limit(TASK_HOURS)
    return made


class ApprovalTask(HITLOperator):
    """Asks whether the run's model shall serve, where the run wants that and the model could.

    Its success means only that `promote` may look: whoever approved or rejected, or that nobody
    was asked, stands on the volume (`approval.json`).
    """

    operator_extra_links = LINKS

    def execute(self, context: Any) -> None:
        """Ask, if there is something to ask, and wait."""
        with ending_for_good():
            run, config = opened_run()
            if not (config.promote and config.approval):
                log.info("This run asks nobody before a promotion (approval=%s).", config.approval)
                return
            if is_dags_test():
                log.warning(NOBODY_HERE)
                return
            if answered := self._answer_of_try_before(context["ti"]):
                log.info("The try before wrote down the answer: %s.", answered)
                return
            run_command_as_child("approval", "--ask", CXR_HOME=str(run.home.root), CXR_RUN=run.key)
            question = self._word_question(context["run_id"])
        if not question:
            return
        context["ti"].xcom_push(key=QUESTION, value=question)
        super().execute(context)

    def execute_complete(self, context: Any, event: Mapping[str, Any]) -> Any:
        """Write down the answer, for `promote` to hold to; without a reason ask again."""
        asked = context["ti"].xcom_pull(task_ids=self.task_id, key=QUESTION)
        if event.get("error_type") == "timeout":
            hours = time_limit(APPROVAL_HOURS).total_seconds() / 3600
            return _write(asked, "expired", None, f"no answer within {hours:g} hours")
        if "error" in event:
            self.process_trigger_event_error(dict(event))
        given = event.get("params_input") or {}
        reason = str(given.get(REASON) or "").strip()
        if not reason:
            log.warning("The answer gave no reason, so it does not count. It is asked again.")
            return super().execute(context)
        self.validate_chosen_options(event["chosen_options"])
        answer = "approved" if event["chosen_options"] == [APPROVE] else "rejected"
        return _write(asked, answer, _name_of(event.get("responded_by_user")), reason)

    def _answer_of_try_before(self, ti: Any) -> str:
        """Return the answer that a try before this one has written down; empty where none has.

        Airflow 3.3.2 takes a task that resumes within seconds of having asked for one that was
        killed, lets it write down the answer, and tries it again.
        """
        from cxr_tasks.champion.approval import find_approval

        if ti.try_number <= ti.max_tries - self.retries + 1:  # the first since a person cleared it
            return ""
        asked = find_approval(opened_run()[0])
        return asked.answer.in_words() if asked and asked.answer else ""

    def _word_question(self, run_id: str) -> str:
        """Word what is asked, and return which question it is; empty where nothing is asked."""
        from cxr_tasks.champion.approval import find_approval
        from cxr_tasks.champion.question import question_of

        run, _ = opened_run()
        asked = find_approval(run)
        if asked is None or asked.answer is not None:
            return ""
        question = question_of(run, asked, link=report_address(self.dag_id, run_id))
        self.subject, self.body = question.subject, question.body
        return asked.question


def _write(question: str, answer: Any, by: str | None, reason: str) -> None:
    """Write down the answer, unless somebody was quicker at the command line."""
    from cxr_tasks.champion.approval import answer_approval, find_approval

    with ending_for_good():
        run, _ = opened_run()
        asked = find_approval(run)
        if asked is not None and asked.question == question and asked.answer is not None:
            log.warning("Answered before, %s. This answer does not count.", asked.answer.in_words())
            return
        now = datetime.now().astimezone()
        facts = answer_approval(run, question, answer, by=by, reason=reason, now=now)
        log.info("The model was %s", facts.in_words())


def _name_of(user: Any) -> str:
    """Return the name of who answered, as Airflow knows it."""
    return str((user or {}).get("name") or (user or {}).get("id") or "someone")
