"""The champion as plain text, for the terminal: what serves, how good it is, and what served."""

import textwrap
from typing import Any

from cxr_tasks.champion.challenges import challenges_of, challenges_sentence
from cxr_tasks.champion.pointer import RETIRED, history, retired_versions, retirement, serving
from cxr_tasks.champion.store import require_champion, versions
from cxr_tasks.errors import ArtifactError
from cxr_tasks.reporting.last_screen import WIDTH
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import Record
from cxr_tasks.wording import PART_NAMES, decimal, decimals, one_line, percent, spread

Facts = dict[str, Any]

_NONE_YET = (
    "There is no champion yet. The first run that may be promoted becomes it: split grouped or "
    "profile honest, real images, better than chance, an audit that does not condemn it."
)
_WAYS = (
    (
        "python -m cxr_tasks champion --roll-back lets the version before serve again; with a "
        "version's name behind it, that one, also one that was retired."
    ),
    "python -m cxr_tasks champion --retire --reason TEXT lets no model serve.",
)
_NOTICE = "Research software, not a medical device."
_INDENT = "  "
_MAX_ENTRIES = 10


def describe_champion(home: Home) -> str:
    """Say which version serves, since when and with what figures, and what served before it.

    A damaged version is told of, and no error: this is what a person reads before a rollback.
    """
    retired = retirement(home)
    if retired is None and serving(home) is None:
        return textwrap.fill(_NONE_YET, WIDTH)
    standing = _in_service(home) if retired is None else _retired(retired)
    blocks = (standing, _versions(home), _history(home), *map(_wrapped, _WAYS), [_NOTICE])
    return "\n\n".join("\n".join(block) for block in blocks)


def _retired(entry: Facts) -> list[str]:
    return [
        "No champion serves.",
        *_wrapped(f"{one_line(entry['version'])} was retired on {entry['at']}.", _INDENT),
        *_wrapped(f"Why: {one_line(entry['reason'], 1000)}", _INDENT),
        *_wrapped("The next run that may be promoted becomes the champion.", _INDENT),
    ]


def _in_service(home: Home) -> list[str]:
    entry = history(home)[-1]
    lines = [
        f"Champion {one_line(entry['version'], WIDTH - 9)}",
        f"{_INDENT}In service since {entry['at']}, {entry['action']}.",
    ]
    try:
        record = require_champion(home).record
    except ArtifactError as err:
        return [*lines, *_wrapped(err.problem, _INDENT)]
    told = [
        (
            f"{record['title']}, run {one_line(record['run_key'])}, profile {record['profile']}; "
            f"audit: {record['verdict']}."
        ),
        _figures(record),
        (
            f"Cut-off {decimal(record['cutoff'])}, for a sensitivity of at least "
            f"{percent(record['min_sensitivity'])}; temperature {decimal(record['temperature'])}."
        ),
        f"Why: {one_line(record['decision_reason'], 1000)}",
    ]
    if record["basis"] == "oof":
        told.append(
            "The figures are of the models of its folds; this model itself was never scored on "
            "these data."
        )
    told.append(challenges_sentence(challenges_of(home, entry["version"])))
    return [*lines, *(line for text in told for line in _wrapped(text, _INDENT))]


def _figures(record: Record) -> str:
    headline = record["headline"]
    accuracy, auc = headline["accuracy"], headline["roc_auc"]
    return (
        f"On {headline['n_images']} {PART_NAMES[record['basis']]} images: accuracy "
        f"{percent(accuracy['value'])} ({spread(accuracy['interval'])}), AUC "
        f"{decimal(auc['value'])} ({decimals(auc['interval'])})."
    )


def _versions(home: Home) -> list[str]:
    lines = [line for name in reversed(versions(home)) for line in _version_lines(home, name)]
    return ["Versions, the newest first (* serves, - was retired)", *lines]


def _version_lines(home: Home, name: str) -> list[str]:
    mark = "*" if name == serving(home) else "-" if name in retired_versions(home) else " "
    try:
        told = _short(require_champion(home, name).record)
    except ArtifactError:
        told = "damaged"
    return [f"{_INDENT}{mark} {one_line(name, WIDTH - 4)}", f"{3 * _INDENT}{told}"]


def _short(record: Record) -> str:
    auc = record["headline"]["roc_auc"]
    return (
        f"{record['title']}, AUC {decimal(auc['value'])} ({PART_NAMES[record['basis']]}), audit: "
        f"{record['verdict']}"
    )


def _history(home: Home) -> list[str]:
    entries = history(home)
    shown = list(reversed(entries))[:_MAX_ENTRIES]
    left = len(entries) - len(shown)
    rest = [f"{_INDENT}... and {left} before, in champion/champion.json"] if left else []
    lines = [line for entry in shown for line in _entry_lines(entry)]
    return ["History, the newest first", *lines, *rest]


def _entry_lines(entry: Facts) -> list[str]:
    opening = f"{_INDENT}{entry['at']}  {entry['action']:<11}  "
    line = opening + one_line(entry["version"], WIDTH - len(opening))
    if entry["action"] != RETIRED:
        return [line]
    indent = " " * len(opening)
    return [
        line,
        *textwrap.wrap(
            one_line(entry["reason"], 300), WIDTH, initial_indent=indent, subsequent_indent=indent
        ),
    ]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + _INDENT)
