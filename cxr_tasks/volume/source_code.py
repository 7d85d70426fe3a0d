"""Which code this is: a digest of the package's own source, whose version seldom changes."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_PACKAGE = "cxr_tasks"
_N_DIGITS = 16
_NOT_SOURCE = "__pycache__"
_TEMPLATES = "templates"
"""Folders whose files are source whatever they are called."""


@cache
def source_digest(*parts: str) -> str:
    """Return a digest of the package's source: names and bytes, in 16 hexadecimal digits.

    Neither the place of the package nor file times count, and an archive counts as a folder does.
    Modules that are installed without their source count by their compiled form. Parts are packages
    inside, such as `data`; without any it is the whole package.
    """
    root = files(_PACKAGE)
    found = dict(
        item
        for part in parts or ("",)
        for item in _source_files(root.joinpath(part) if part else root, part)
    )
    digest = hashlib.sha256()
    for name in sorted(found):
        content = found[name].read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_N_DIGITS]


def _source_files(folder: Traversable, place: str) -> Iterator[tuple[str, Traversable]]:
    """Yield the name and the file of everything below a folder that decides what is computed."""
    inside = {item.name: item for item in folder.iterdir() if item.name != _NOT_SOURCE}
    for name, item in inside.items():
        if item.is_dir():
            yield from _source_files(item, f"{place}/{name}")
        elif folder.name == _TEMPLATES or _is_module(name, beside=inside):
            yield f"{place}/{name}", item


def _is_module(name: str, *, beside: dict[str, Traversable]) -> bool:
    return name.endswith(".py") or (name.endswith(".pyc") and name[:-1] not in beside)
