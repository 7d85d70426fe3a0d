"""How many runs are kept, and for how long: what the operator or a person says."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cxr_tasks.errors import ConfigError, shown


@dataclass(frozen=True)
class Retention:
    """The rule by which runs stay; None: no rule of that kind.

    Attributes:
        keep_runs: So many of the newest stay.
        keep_days: A run stays for so many days after its last change.
    """

    keep_runs: int | None = None
    keep_days: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether any run may ever go."""
        return self.keep_runs is not None or self.keep_days is not None


def make_retention(values: Any, *, where: str) -> Retention:
    """Check what was said of the runs that are kept.

    Args:
        values: A mapping with some of `keep_runs` and `keep_days`.
        where: Names where it was said.

    Raises:
        ConfigError: It is no such mapping, or a number is no whole number from 1.
    """
    names = [field.name for field in fields(Retention)]
    known = isinstance(values, Mapping) and all(
        name in names and type(value) is int and value >= 1 for name, value in values.items()
    )
    if not known:
        raise ConfigError(
            f"{where} is {shown(values)}.",
            f"It has whole numbers from 1 for {' and '.join(names)}, or for one of them.",
            "Write, for example, [retention] and below it keep_runs = 100 and keep_days = 90; "
            "leave it out where no run may go.",
        )
    return Retention(**values)
