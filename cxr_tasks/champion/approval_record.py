"""`approval.json`: what a person is asked about a run's model before it serves, and the answer."""

from typing import Annotated, Literal

from pydantic import Field

from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.record_model import Facts, SealedRecord

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ApprovalFacts(Facts):
    """An answer."""

    answer: Literal["approved", "rejected", "expired", "withdrawn"]
    """`expired`: nobody has answered in time; `withdrawn`: it would not be promoted any more."""
    by: str | None
    """Airflow's user, or the machine's where the command line was used; None where no person
    answered."""
    at: str
    """ISO 8601."""
    reason: str
    report_sha256: Digest
    """SHA-256 of the `report.json` that was answered about, which has that of every file of the
    report."""

    def in_words(self) -> str:
        """Return who answered what, when and why, without a full stop."""
        if self.answer == "expired":
            return f"nobody had answered by {self.at}"
        if self.answer == "withdrawn":
            return f"the question was withdrawn on {self.at} ({self.reason})"
        return f"{self.answer} by {self.by} on {self.at} ({self.reason})"


class ApprovalRecord(SealedRecord):
    """A question, and its answer once there is one."""

    variant: str
    """Whose model would serve."""
    champion: str | None
    """The version that it would replace."""
    report_sha256: Digest
    proposal: str
    """Why it would be promoted, with the figures."""
    asked_at: str
    """ISO 8601."""
    answer: ApprovalFacts | None
    earlier: list[ApprovalFacts]
    """Answers to earlier questions about this run, the oldest first."""

    @property
    def question(self) -> str:
        """Identify what is asked, so that whoever answers says which question they have read."""
        asked = [self.variant, self.champion, self.report_sha256, self.proposal, self.asked_at]
        return digest_of(asked)[:12]
