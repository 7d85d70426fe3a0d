"""`champion.json`: which version serves, what served before, and who challenged it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cxr_tasks.champion.approval_record import ApprovalFacts
from cxr_tasks.volume.record_model import Facts, SealedRecord
from cxr_tasks.wording import one_line

VersionName = Annotated[str, Field(pattern=r"^[0-9]{4,}-[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A number that grows, and the run that the version is of."""


class ServiceEntry(Facts):
    """One change of what serves."""

    at: str
    """ISO 8601."""
    action: Literal["promoted", "rolled back", "retired"]
    version: VersionName
    """The one that serves from then on or, where it is retired, no longer serves."""
    before: VersionName | None
    """The one that served until then."""
    reason: str
    approval: ApprovalFacts | None = None
    """Of a promotion, by a person; None where nobody was asked."""

    def in_words(self) -> str:
        """Return when and why in a sentence: `on 2026-01-02 (masks)`."""
        return f"on {self.at} ({one_line(self.reason, 300)})"


class ChallengeEntry(Facts):
    """One challenger's turn at a version."""

    champion: VersionName
    run: str
    """Whose model it was."""
    challenger: str | None
    """Digest of the model and its predictions; None where only the run is known."""
    level: float = Field(gt=0, le=1)
    """Significance level of its decision."""


class PointerRecord(SealedRecord):
    """The champion's pointer and history, oldest first."""

    version: VersionName | None
    """Serves now; None before the first one, and after one was retired."""
    since: str | None = None
    """ISO 8601; None before the first one."""
    history: list[ServiceEntry]
    challenges: list[ChallengeEntry] | None = None
    """None where an older version of the project wrote it."""

    @model_validator(mode="after")
    def _check_that_history_says_what_serves(self) -> Self:
        last = self.history[-1] if self.history else None
        serves = None if last is None or last.action == "retired" else last.version
        if self.version != serves:
            raise ValueError("version is not what the history says")
        return self
