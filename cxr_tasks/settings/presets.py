"""Which files of a data set belong to which class: presets, and the glob patterns they hold.

In a pattern `**` crosses folders and `*` does not.
"""

import os
import re
import unicodedata
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cxr_tasks.errors import ConfigError, DataError, shown
from cxr_tasks.settings.model import RunConfig
from cxr_tasks.wording import COVID, NORMAL

_MAX_NESTED = 8
"""Alternatives in alternatives; matching goes as deep."""

_PIECE = re.compile(r"\*\*/|\*\*|\*|\[[!^]?\]?[^\]/]*\]|[{},\[]|[^*\[{},]+", re.DOTALL)
_Step = str | re.Pattern[str] | tuple[tuple["_Step", ...], ...]
_Glob = tuple[_Step, ...]


@dataclass(frozen=True)
class Preset:
    """The patterns of each class, relative to the data's root.

    What they may hold is said at `matches`.
    """

    covid: str
    normal: str

    def label(self, path: str) -> int | None:
        """Return the class of a path, or None where neither pattern matches.

        Raises:
            DataError: Both patterns match.
        """
        labels = [
            label
            for label, pattern in ((COVID, self.covid), (NORMAL, self.normal))
            if matches(path, pattern)
        ]
        if len(labels) > 1:
            raise DataError(
                f"{path!r} belongs to both classes.",
                f"A file matches {self.covid!r} (COVID-19) or {self.normal!r} (normal), not both.",
                "Make the patterns covid_glob and normal_glob narrower.",
            )
        return labels[0] if labels else None


PRESETS: dict[str, Preset] = {
    "study": Preset("COVID/**", "NORMAL/**"),
    "radiography": Preset("**/COVID/images/*", "**/Normal/images/*"),
}
"""Data sets whose folders are known; `custom` brings its own patterns."""


def preset_of(config: RunConfig) -> Preset:
    """Return the patterns that a configuration names.

    Raises:
        ConfigError: A pattern can match nothing.
    """
    if config.preset == "custom":
        return Preset(
            relative_pattern("covid_glob", config.covid_glob, root=config.data),
            relative_pattern("normal_glob", config.normal_glob, root=config.data),
        )
    return PRESETS[config.preset]


def matches(path: str, pattern: str) -> bool:
    """Return whether a glob matches the whole path.

    `*` and `?` stay within a folder, `**` crosses folders; `[jp]`, `[a-z]` and `[!x]` are one
    character, and `{jpg,png}` is one of several globs. A folder that is itself called `[1]` is
    matched by its name too. Letter case does not matter, nor whether an accented letter is one
    character or two.

    Step by step: one regular expression would try every way to share the path among the stars,
    and its time grow as a power of the path's length. Python's own globs let `*` cross folders.

    Raises:
        ConfigError: It is no glob.
    """
    path = unicodedata.normalize("NFC", path)
    return len(path) in _ends(_glob(pattern), path, {0})


def relative_pattern(name: str, pattern: str, *, root: str) -> str:
    r"""Return the glob of a setting spelt as paths are: relative, with plain slashes.

    `./`, `\`, doubled slashes and blanks at its ends are corrected; the data's own path is removed
    from an absolute one; one that ends with a slash matches all files in that folder.

    Raises:
        ConfigError: It can match nothing.
    """
    text = pattern.strip().replace("\\", "/")
    if text.startswith("~"):
        text = os.path.expanduser(text)  # noqa: PTH111 - a glob is no path
    if re.match(r"/|~|[A-Za-z]:/", text):
        text = _below(root, text, name, pattern)
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        problem = "leads out of the data" if parts else "names no file"
        raise _refused(name, pattern, problem)
    if text.endswith("/"):
        parts.append("**")
    relative = "/".join(parts)
    _glob(relative)
    return relative


def _below(root: str, text: str, name: str, pattern: str) -> str:
    """Remove the data's own path from an absolute glob."""
    if not root:
        raise _refused(name, pattern, "is absolute, and this source has no folder")
    with suppress(RuntimeError, ValueError):  # of a root that can be no path
        place = Path(root).expanduser().absolute()
        for start in (os.path.normpath(place), os.path.realpath(place)):
            if text.startswith(f"{start}/"):
                return text[len(start) + 1 :]
    raise _refused(name, pattern, f"is absolute, and does not begin with the data's path {root!r}")


def _refused(name: str, pattern: str, problem: str) -> ConfigError:
    return ConfigError(
        f"{name}={shown(pattern)} {problem}, so no image can match it.",
        "A pattern is relative to the data's root, for example positive/**/*.{jpg,png}: `*` and "
        "`?` stay within a folder, `**` crosses folders.",
        f"Correct {name} (command line: --{name.replace('_', '-')}).",
    )


@cache
def _glob(pattern: str) -> _Glob:
    """Parse a glob into its stars, alternatives, and the texts between them."""
    pieces = _PIECE.findall(unicodedata.normalize("NFC", pattern))
    braces = _paired_braces(pieces)
    open_groups: list[list[list[_Step]]] = [[[]]]
    for at, piece in enumerate(pieces):
        if at in braces and piece == "{":
            open_groups.append([[]])
        elif at in braces:
            alternatives = tuple(tuple(each) for each in open_groups.pop())
            open_groups[-1][-1].append(alternatives)
        elif piece == "," and len(open_groups) > 1:
            open_groups[-1].append([])
        else:
            open_groups[-1][-1].append(_step(piece))
        if len(open_groups) > _MAX_NESTED:
            raise ConfigError(
                f"The pattern {shown(pattern)} has too many braces in braces.",
                f"At most {_MAX_NESTED - 1} stand within each other.",
                "Write it with fewer.",
            )
    return tuple(open_groups[0][0])


def _paired_braces(pieces: list[str]) -> set[int]:
    """Find the braces that have a partner; the others are ordinary characters."""
    paired: set[int] = set()
    waiting: list[int] = []
    for at, piece in enumerate(pieces):
        if piece == "{":
            waiting.append(at)
        elif piece == "}" and waiting:
            paired |= {waiting.pop(), at}
    return paired


def _step(piece: str) -> _Step:
    if piece.startswith("*"):
        return piece
    if piece.startswith("[") and piece[1:-1].strip("!^"):
        return (_class(piece),), (_text(piece),)
    return _text(piece)


def _text(piece: str) -> re.Pattern[str]:
    chars = ("[^/]" if char == "?" else re.escape(char) for char in piece)
    return re.compile("".join(chars), re.IGNORECASE | re.DOTALL)


def _class(piece: str) -> re.Pattern[str]:
    negation = "^" if piece[1] in "!^" else ""
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece[1 + len(negation) : -1])
    try:
        return re.compile(f"(?!/)[{negation}{body}]", re.IGNORECASE | re.DOTALL)
    except re.error as err:
        raise ConfigError(
            f"{piece!r} in a pattern is no set of characters ({err}).",
            "[jp] is j or p, [a-z] a letter from a to z, [!x] any character but x.",
            "Correct covid_glob or normal_glob.",
        ) from err


def _ends(glob: _Glob, path: str, starts: Set[int]) -> Set[int]:
    """Return where in a path a glob may end that begins at one of `starts`."""
    for step in glob:
        if not starts:
            break
        starts = _ends_of_step(step, path, starts)
    return starts


def _ends_of_step(step: _Step, path: str, starts: Set[int]) -> Set[int]:
    if isinstance(step, tuple):
        return {end for glob in step for end in _ends(glob, path, starts)}
    if isinstance(step, re.Pattern):
        matched = (step.match(path, start) for start in starts)
        return {match.end() for match in matched if match}
    first = min(starts)
    if step == "**":
        return set(range(first + 1, len(path) + 1))
    if step == "**/":
        return starts | {at + 1 for at in range(first + 1, len(path)) if path[at] == "/"}
    return _ends_of_star(path, starts)


def _ends_of_star(path: str, starts: Set[int]) -> set[int]:
    ends: set[int] = set()
    reached = -1
    for start in sorted(starts):
        if start <= reached:
            continue  # in the same folder as the one before
        slash = path.find("/", start)
        reached = slash if slash >= 0 else len(path)
        ends.update(range(start, reached + 1))
    return ends
