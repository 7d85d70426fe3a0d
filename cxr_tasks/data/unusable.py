"""What is raised about a file that cannot be used, while the others can."""


class UnusableImage(Exception):  # noqa: N818 - what it is about; a stage counts it and goes on
    """An image cannot be used.

    Attributes:
        reason: A short English phrase, the same for every file with this fault.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
