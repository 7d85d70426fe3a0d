"""One setting: its default, limits and help, from which form, flags and checks are made."""

from dataclasses import dataclass, field
from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    "quickstart": {
        "source": "phantom",
        "split": "grouped",
        "folds": 0,
        "epochs": 0,
        "patience": 100,
        "batch_size": 16,
        "phantom_difficulty": "easy",
        "test_one_in": 3,
    },
    "paper": {"source": "kaggle", "split": "paper", "folds": 0, "epochs": 500, "patience": 30},
    "honest": {"source": "kaggle", "split": "grouped", "folds": 5, "epochs": 500, "patience": 30},
}
"""What each profile sets where the user says nothing."""

STUDY_SLUG = "covid-19-vs-normal-chest-x-rays"


@dataclass(frozen=True)
class Setting:
    """What a person has to know about one setting, and what a value of it has to be."""

    name: str
    kind: type
    default: Any
    title: str
    help: str
    section: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    by_profile: bool = False

    @property
    def limits(self) -> str:
        """What its numbers may be, for a person; empty where it is no number."""
        if self.minimum is None or self.maximum is None:
            return ""
        if self.kind is float:
            return f"It is a fraction: 0.1 is 10 %. Allowed: {self.minimum:g} to {self.maximum:g}."
        return f"Allowed: {self.minimum} to {self.maximum}."


def setting(
    default: Any,
    title: str,
    help: str,  # noqa: A002 - the word that argparse and the form use
    *,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Declare a field of a section together with what a person has to know about it."""
    metadata = {
        "title": title,
        "help": help,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
    }
    return field(default=default, metadata=metadata)
