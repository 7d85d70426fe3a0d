"""The images of a data set, found by the names that somebody's table has for them."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from cxr_tasks.data.sources.left_out import IMAGE_SUFFIXES


class NameMatch(NamedTuple):
    """The images that a name may mean."""

    paths: list[str]  # none, one, or several where the name is not clear
    distance: int  # 0 for a name as the data set has it; more, the freer it was read


class ImageNames:
    """Finds images by name.

    A name may have backslashes, begin with `./` or with any folders above the data set, or lack
    the first folders; `é` may be one character or two. Where that finds nothing, letter case does
    not matter, and then a name may lack the suffix. Absolute ones may begin with the data's root.
    """

    def __init__(self, paths: Iterable[str], *, root: str = "") -> None:
        self._paths = list(paths)
        self._root = _parts(root)
        self._exact = set(self._paths)
        self._indexes: list[_Index] = []

    def find(self, name: str) -> NameMatch:
        """Find the images that a name may mean, by the closest reading that finds any."""
        if name in self._exact:
            return NameMatch([name], 0)
        below_root = "/".join(self._below_root(_parts(name)))
        for number, (spell_image, spell_name) in enumerate(_SPELLINGS):
            if number == len(self._indexes):  # made when the ones before it have failed
                self._indexes.append(_Index(self._paths, spell_image))
            readings = self._indexes[number].find(spell_name(below_root))
            for kind, paths in enumerate(readings):
                if paths:
                    return NameMatch(paths, 1 + len(readings) * number + kind)
        return NameMatch([], 0)

    def _below_root(self, parts: list[str]) -> list[str]:
        """Take off what a name has of the data's own folder."""
        for start in range(len(self._root)):
            above = self._root[start:]
            if parts[: len(above)] == above:
                return parts[len(above) :]
        return parts


class _Index:
    """Images by their whole names, and by the ends of these."""

    def __init__(self, paths: list[str], spell: Callable[[str], str]) -> None:
        self._whole: dict[str, list[str]] = defaultdict(list)
        self._by_end: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            spelled = spell(path)
            self._whole[spelled].append(path)
            for end in _ends(spelled):
                self._by_end[end].append(path)

    def find(self, name: str) -> tuple[list[str], list[str], list[str]]:
        """Find the images of this name, those whose names end so, and those that end it."""
        longer = next((self._whole[end] for end in _ends(name) if end in self._whole), [])
        return self._whole.get(name, []), self._by_end.get(name, []), longer


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return _composed(_composed(text).casefold())


def _without_suffix(path: str) -> str:
    folded = _folded(path)
    suffix = PurePosixPath(folded).suffix
    return folded[: -len(suffix)] if suffix in IMAGE_SUFFIXES else folded


_SPELLINGS = ((_composed, _composed), (_folded, _folded), (_without_suffix, _folded))
"""Of an image's path and of a name in the table, from the closest to the freest."""


def _parts(name: str) -> list[str]:
    parts = re.split(r"[/\\]", name.strip())
    return [part for part in parts if part not in ("", ".")]


def _ends(name: str) -> Iterable[str]:
    """Yield what follows each slash of a name, the longest first."""
    at = name.find("/")
    while at >= 0:
        yield name[at + 1 :]
        at = name.find("/", at + 1)
