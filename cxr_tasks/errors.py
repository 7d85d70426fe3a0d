"""What can go wrong by what a person or a file brings: errors in three parts."""

EXIT_CODE = 2
"""Exit status of a process that ended with one of these; such a failure is not retried."""


class CxrError(Exception):
    """A failure that the user can mend; its text says what, why and how.

    Args:
        problem: What is wrong, with the value seen and the file or key it was seen in.
        rule: What would have been right.
        remedy: What to do about it.
    """

    def __init__(self, problem: str, rule: str, remedy: str) -> None:
        super().__init__(problem, rule, remedy)
        self.problem = problem
        self.rule = rule
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n{self.rule}\n{self.remedy}"


class ConfigError(CxrError):
    """A setting is unknown, out of range, or does not go with another."""


class SourceError(CxrError):
    """A data set cannot be reached, downloaded or opened."""


class DataError(CxrError):
    """The images or labels are not what the stage needs."""


class TrainingError(CxrError):
    """A training cannot go on: its loss or weights are no numbers, or memory ran out."""


class TrackingError(CxrError):
    """A tracking server is not reached, or does not take what it is sent.

    Attributes:
        code: The server's own word for why not; empty where it says none.
    """

    def __init__(self, problem: str, rule: str, remedy: str, *, code: str = "") -> None:
        super().__init__(problem, rule, remedy)
        self.code = code


class PublishError(CxrError):
    """An object store is not reached, does not take a copy, or has something else there."""


class OutputError(CxrError):
    """Standard output cannot be written; what was done is done."""


class ArtifactError(CxrError):
    """A file on the shared volume is missing, unfinished, or not what its record says."""


class DamagedError(ArtifactError):
    """A finished file is no longer what was written; running again what made it mends it."""


def shown(value: object, limit: int = 200) -> str:
    """Show any value in a message: of a long one the beginning, of an endless one its kind."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep; an integer of thousands of digits
        return f"{type(value).__name__} too large to show"
    return text if len(text) <= limit else f"{text[:limit]}..."


def first_few(offenders: list[str], *, limit: int = 5) -> str:
    """List at most `limit` offenders, and how many there are in all if more."""
    listed = ", ".join(offenders[:limit])
    return listed if len(offenders) <= limit else f"{listed}, ... ({len(offenders)} in all)"
