"""`<stage>.error.json`: how a stage ended that is not done."""

from pydantic import Field

from cxr_tasks.volume.record_model import Facts


class FailureRecord(Facts):
    """How a stage failed or was stopped, while it has not succeeded since.

    Attributes:
        exit_code: Of its process; None where its caller was ended first.
        signal: Name of the signal that ended its process.
        message: What a person should read.
        last_lines: The last that its process printed.
        stopped: Whether a person stopped it.
    """

    exit_code: int | None = None
    signal: str | None = None
    message: str
    last_lines: list[str] = Field(default_factory=list)
    stopped: bool = False
