"""The operator's defaults: what scheduled runs use, and what the trigger form begins with."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config

DEFAULTS_FILE = "CXR_DEFAULTS"
"""Environment variable: the file, where it is not `defaults.toml` on the shared volume."""

_SCORE_KEYS = ("data",)
_MAX_BYTES, _MAX_LINE = 1 << 16, 4096
"""A dotted key of a hundred thousand parts takes the parser minutes."""


@dataclass(frozen=True)
class Retention:
    """The rule by which runs stay; None: no rule of that kind."""

    keep_runs: int | None = None  # so many of the newest stay
    keep_days: int | None = None  # a run stays for so many days after its last change

    @property
    def is_set(self) -> bool:
        """Whether any run may ever go."""
        return self.keep_runs is not None or self.keep_days is not None


@dataclass(frozen=True)
class Defaults:
    """What the operator's file says."""

    path: Path  # it need not exist
    run: Mapping[str, Any]  # values by setting, checked together
    score: Mapping[str, str]  # `data`: what `cxr_score` scores when nobody triggers it by hand
    retention: Retention  # which runs `space --free` keeps

    @property
    def config(self) -> RunConfig:
        """The configuration of a scheduled run."""
        return make_config(self.run)


def read_defaults(environ: Mapping[str, str] = os.environ) -> Defaults:
    """Read and check the operator's file; where there is none, nothing is set.

    Raises:
        ConfigError: A file that is named is missing, no TOML, or says what is not possible.
    """
    home = Path(environ.get("CXR_HOME", "cxr-home")).absolute()
    named = environ.get(DEFAULTS_FILE)
    path = Path(named).absolute() if named else home / "defaults.toml"
    if not named and not os.path.exists(path):  # noqa: PTH110 - of an invalid path: no
        return Defaults(path, {}, {}, Retention())
    content = _parsed(path)
    score = content.pop("score", {})
    _check_score(path, score)
    retention = make_retention(content.pop("retention", {}), where=f"{path}: [retention]")
    try:
        make_config(content)
    except ConfigError as err:
        raise ConfigError(f"{path}: {err.problem}", err.rule, err.remedy) from err
    return Defaults(path, content, score, retention)


def check_schedule(defaults: Defaults, *, because: str) -> None:
    """Refuse to train by schedule, which `because` explains, on images that the project draws.

    Raises:
        ConfigError: The defaults' source is `phantom`.
    """
    if defaults.config.source == "phantom":
        raise ConfigError(
            f"{because}, and scheduled runs would use synthetic images.",
            "A schedule is for a real data set; scheduled runs use the operator's defaults.",
            f"Name source and data in {defaults.path}, or have people start the runs.",
        )


def make_retention(values: Any, *, where: str) -> Retention:
    """Check what was said, at the place that `where` names, of the runs that are kept.

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


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except (OSError, RecursionError, ValueError) as err:
        raise ConfigError(
            f"{path} cannot be read: {err}.",
            "The defaults are a TOML file: one `setting = value` a line, and the tables [score] "
            "and [retention].",
            f"Mend it, or unset {DEFAULTS_FILE}.",
        ) from err


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        text = stream.read(_MAX_BYTES + 1).decode()
    if len(text) > _MAX_BYTES or any(len(line) > _MAX_LINE for line in text.splitlines()):
        raise ValueError(f"it has more than {_MAX_BYTES} characters, or {_MAX_LINE} in a line")
    return text


def _check_score(path: Path, score: Any) -> None:
    known = isinstance(score, dict) and all(
        key in _SCORE_KEYS and isinstance(value, str) for key, value in score.items()
    )
    if not known:
        raise ConfigError(
            f"{path}: [score] is {shown(score)}.",
            f"It is a table with the text {', '.join(_SCORE_KEYS)}.",
            'Write, for example, [score] and below it data = "/data/incoming".',
        )
