"""The champion in words: what serves and what served, and what became of a run's challenge."""

import math
import textwrap
from typing import TYPE_CHECKING, Any

from cxr_tasks.champion.challenges import (
    LEVEL,
    SPENT,
    challenge_level_of,
    challenges_of,
    spent_level,
)
from cxr_tasks.champion.pointer import history, retired_versions, serving
from cxr_tasks.champion.promotion_record import PromotionFacts
from cxr_tasks.champion.versions import open_version, versions
from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.paths import Home
from cxr_tasks.wording import PART_NAMES, WIDTH, one_line

if TYPE_CHECKING:
    from cxr_tasks.champion.version_record import VersionRecord

_N_ENTRIES_SHOWN = 10


def describe_champion(home: Home) -> str:
    """Describe for the terminal what serves, since when, with what figures, and what served before.

    A damaged version is named as such, and no error: this is what a person reads before a rollback.
    """
    current = serving(home)
    own = challenges_of(home, current) if current else []
    opened = {name: _opened(home, name) for name in reversed(versions(home))}
    text = fill_text(
        "champion.txt.j2",
        history=history(home),
        current=current,
        serves=opened.get(current or "") or (current and _opened(home, current)),
        versions=opened,
        retired=retired_versions(home),
        n_challenges=len(own),
        total_level=LEVEL,
        spent_level=spent_level(own),
        next_level=challenge_level_of(len(own) + 1, SPENT),
        n_shown=_N_ENTRIES_SHOWN,
        width=WIDTH,
        part_names=PART_NAMES,
    )
    return "\n".join(map(_wrapped, text.rstrip().split("\n")))


def describe_promotion(home: Home, promotion: PromotionFacts) -> str:
    """Describe how a run's challenge was decided, and whether a promoted model no longer serves."""
    since = _replaced_since(home, promotion.version)
    then = f", but {since}: it no longer serves. Then" if since else ""
    return f"{promotion.decision}{then}: {promotion.reason}"


def fill_text(template: str, **facts: Any) -> str:
    """Fill a template of this package with plain text."""
    from cxr_tasks.reporting.environment import make_environment

    filters = {"level": percent_of, "confidence": confidence_of}
    environment = make_environment("cxr_tasks.champion", **filters)
    return environment.get_template(template).render(**facts)


def percent_of(level: float) -> str:
    """Show a level with two digits that count, however small it is."""
    return f"{100 * level:.{_digits(level)}f} %" if level else "0 %"


def confidence_of(level: float) -> str:
    """Show the confidence that belongs to a level, with the level's digits."""
    return f"{100 * (1 - level):.{_digits(level)}f} %"


def _digits(level: float) -> int:
    return max(0, 1 - math.floor(math.log10(100 * level)))


def _opened(home: Home, version: str) -> "tuple[VersionRecord | None, str]":
    """Open a version: its record, or what is wrong with it."""
    try:
        return open_version(home, version).record, ""
    except ArtifactError as err:
        return None, err.problem


def _wrapped(line: str) -> str:
    """Wrap a line; what goes on stands two columns further to the right."""
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=indent))


def _replaced_since(home: Home, version: str | None) -> str:
    """Describe why a version that was promoted does not serve; empty where it does, or none was."""
    try:
        served, current, retired = history(home), serving(home), retired_versions(home)
    except ArtifactError:  # reported by whoever needs the champion
        return ""
    if version in retired:
        return f"retired {retired[version].in_words()}"
    if version == current or all(entry.version != version for entry in served):
        return ""
    return f"{one_line(current)} serves now" if current else "retired since"
