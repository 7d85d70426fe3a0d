"""Glob patterns of paths, in which `**` crosses folders and `*` does not."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

_SEPARATE = re.compile(r"\*\*/|\*\*|\*|[^*]+", re.DOTALL)
_Step = str | re.Pattern[str]


def matches(path: str, pattern: str) -> bool:
    """Say whether a glob is of the whole path; letter case does not matter.

    Step by step: one regular expression would try every way to share the path among the stars,
    and its time grow as a power of the path's length. Python's own globs let `*` cross folders.
    """
    ends = {0}
    for step in _steps(pattern):
        ends = {end for start in ends for end in _ends(step, path, start)}
    return len(path) in ends


@cache
def _steps(pattern: str) -> tuple[_Step, ...]:
    """Take a glob apart into its stars and the texts between them."""
    parts = _SEPARATE.findall(pattern)
    return tuple(part if part.startswith("*") else _literal(part) for part in parts)


def _literal(text: str) -> re.Pattern[str]:
    chars = ("[^/]" if char == "?" else re.escape(char) for char in text)
    return re.compile("".join(chars), re.IGNORECASE | re.DOTALL)


def _ends(step: _Step, path: str, start: int) -> Iterable[int]:
    """Give where in a path a step may end that begins at `start`."""
    if isinstance(step, re.Pattern):
        match = step.match(path, start)
        return [match.end()] if match else []
    if step == "**":
        return range(start + 1, len(path) + 1)
    if step == "*":
        slash = path.find("/", start)
        return range(start, (slash if slash >= 0 else len(path)) + 1)
    return _folder_ends(path, start)


def _folder_ends(path: str, start: int) -> Iterator[int]:
    yield start
    while (slash := path.find("/", start)) > start:
        start = slash + 1
        yield start
