"""`champion.json`: which version serves, what served before, and who challenged it."""

from typing import Literal, Self

from pydantic import model_validator

from cxr_tasks.volume.record_model import Facts, SealedRecord
from cxr_tasks.wording import one_line


class ServiceEntry(Facts):
    """One change of what serves.

    Attributes:
        at: ISO 8601.
        version: The one that serves from then on; or, retired, serves no more.
        before: The one that served until then.
    """

    at: str
    action: Literal["promoted", "rolled back", "retired"]
    version: str
    before: str | None
    reason: str

    def in_words(self) -> str:
        """Return when and why in a sentence: `on 2026-01-02 (masks)`."""
        return f"on {self.at} ({one_line(self.reason, 300)})"


class ChallengeEntry(Facts):
    """One challenger's turn at a version.

    Attributes:
        champion: The version.
        run: Whose model it was.
        challenger: Digest of the model and its predictions; None where only the run is known.
        level: Of its decision.
    """

    champion: str
    run: str
    challenger: str | None
    level: float


class PointerRecord(SealedRecord):
    """The champion's pointer and history, oldest first.

    Attributes:
        version: Serves now; None before the first one, and after one was retired.
        since: ISO 8601; None before the first one.
        challenges: None where an older version of the project wrote it.
    """

    version: str | None
    since: str | None = None
    history: list[ServiceEntry]
    challenges: list[ChallengeEntry] | None = None

    @model_validator(mode="after")
    def _check_that_history_says_what_serves(self) -> Self:
        last = self.history[-1] if self.history else None
        serves = None if last is None or last.action == "retired" else last.version
        if self.version != serves:
            raise ValueError("version is not what the history says")
        return self
