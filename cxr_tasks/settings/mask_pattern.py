"""Where the mask of an image's lungs lies: a pattern with parts of the image's own name."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.settings.model import RunConfig

IGNORED = "none"
"""The value of `lung_masks` by which masks are left where they are."""

_MAX_STARS = 4
"""Each may try all places in a name."""

_PRESETS = {"radiography": ("{folder}", "..", "masks", "{name}")}
"""Of data sets that bring masks: where these lie."""

_FOLDER, _NAMES = "{folder}", ("{stem}", "{name}")
_TOKEN = re.compile(r"\{stem\}|\{name\}|\*+|\?|[^*?{}]+", re.DOTALL)
_STARS = re.compile(r"[*?]+")
_STAR_EXPRESSIONS = {"*": "[^/]*", "?": "[^/]"}
_ANY_FOLDERS = "(?:.*/)?"


class MaskName(NamedTuple):
    """The name that an image's mask must have, relative to where the masks lie."""

    path: str  # empty where the pattern has stars
    expression: str  # regular
    part: str  # some text that every name that fits has in it

    def fits(self, name: str) -> bool:
        """Return whether a file of this name may be the mask."""
        if self.path:
            return name == self.path
        return bool(re.fullmatch(self.expression, name, re.DOTALL))


@dataclass(frozen=True)
class MaskPattern:
    """A checked pattern."""

    parts: tuple[str, ...]  # between slashes
    top: str = ""  # the folder on disk that it is relative to; empty for the data's root
    is_written: bool = True  # by a person; else it is the preset's

    @property
    def text(self) -> str:
        """The pattern for a person."""
        return "/".join(filter(None, (self.top, *self.parts)))

    @property
    def has_stars(self) -> bool:
        """Whether one name may be fitted by several files."""
        return any(map(_STARS.search, self.parts))

    def name_for(self, image: str) -> MaskName | None:
        """Fill in an image's name, which is relative to the data's root; None if that leads out."""
        path = PurePosixPath(image)
        values = {"{stem}": path.stem, "{name}": path.name}
        parts: list[tuple[str, str]] = []  # each as text and as regular expression
        for part in self.parts:
            if part == "..":
                if not parts:
                    return None
                parts.pop()
            elif part == _FOLDER:
                parts += [(each, re.escape(each)) for each in image.split("/")[:-1]]
            else:
                parts.append(_filled(part, values))
        certain = "" if self.has_stars else "/".join(text for text, _ in parts)
        expression = "/".join(each for _, each in parts).replace(f"{_ANY_FOLDERS}/", _ANY_FOLDERS)
        return MaskName(certain, expression, path.stem)


def _filled(part: str, values: dict[str, str]) -> tuple[str, str]:
    if part == "**":
        return part, _ANY_FOLDERS
    tokens = _TOKEN.findall(part)
    texts = [values.get(token, token) for token in tokens]
    expressions = [
        _STAR_EXPRESSIONS.get(token[0], re.escape(text))
        for token, text in zip(tokens, texts, strict=True)
    ]
    return "".join(texts), "".join(expressions)


def mask_pattern_of(config: RunConfig) -> MaskPattern | None:
    """Return where a configuration has masks of the lungs; None where it has none.

    Raises:
        ConfigError: The pattern fits no file, or cannot tell a mask from its image.
    """
    text = config.lung_masks.strip()
    if config.source == "phantom" or text == IGNORED:
        return None
    if not text:
        parts = _PRESETS.get(config.preset)
        return MaskPattern(parts, is_written=False) if parts else None
    return _read(config, text.replace("\\", "/"))


def _read(config: RunConfig, text: str) -> MaskPattern:
    text = os.path.expanduser(text)  # noqa: PTH111 - a pattern is no path
    if config.source == "folder":
        text = _below(config.data, text)
    is_absolute = bool(re.match(r"/|[A-Za-z]:/", text))
    parts = [part for part in text.split("/") if part not in ("", ".")]
    n_fixed = next((at for at, part in enumerate(parts) if re.search(r"[{*?]", part)), len(parts))
    top = ""
    if is_absolute:
        start = "/" if text.startswith("/") else ""
        top = os.path.normpath(start + "/".join(parts[:n_fixed])) if n_fixed else ""
        parts = parts[n_fixed:]
    if problem := _problem(tuple(parts), is_absolute=is_absolute, top=top):
        raise ConfigError(
            f"lung_masks={shown(config.lung_masks)} {problem}.",
            "A pattern gives the mask of one image: relative to the data's root, such as "
            "{folder}/../masks/{name}, or absolute, such as /data/masks/{stem}.png; {folder}, "
            "{stem} and {name} are the image's own, a star is any text.",
            f"Correct lung_masks (command line: --lung-masks), or use lung_masks={IGNORED}.",
        )
    return MaskPattern(tuple(parts), top)


def _below(root: str, text: str) -> str:
    """Remove the data's own path: what lies in there is named relative to it."""
    with suppress(RuntimeError, ValueError):  # of a root that can be no path
        place = Path(root).expanduser().absolute()
        for start in (os.path.normpath(place), os.path.realpath(place)):
            if text.startswith(f"{start}/"):
                return text[len(start) + 1 :]
    return text


def _problem(parts: tuple[str, ...], *, is_absolute: bool, top: str) -> str:
    """Return what is wrong with a pattern; empty where nothing is."""
    text = "/".join(parts)
    unknown = re.sub(r"\{(?:folder|stem|name)\}", "", text)
    if "{" in unknown or "}" in unknown:
        return "has braces around something other than folder, stem or name"
    if not any(name in text for name in _NAMES):
        return "names one file for all images: it has neither {stem} nor {name}"
    if any(_FOLDER in part and part != _FOLDER for part in parts):
        return "has {folder} inside a part of a path"
    if is_absolute and top in ("", "/"):
        return "begins with no fixed folder"
    if parts[0] == "..":
        return "leads out of the data; such a place is named by its absolute path"
    if not is_absolute and parts == (_FOLDER, "{name}"):
        return "is the image itself"
    if len(_STARS.findall(text)) > _MAX_STARS:
        return f"has more than {_MAX_STARS} stars"
    return ""
