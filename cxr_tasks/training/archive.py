"""A saved Keras model without what differs each time that the same model is saved."""

import json
import zipfile
from pathlib import Path
from typing import Any

_FACTS, _CONFIG, _OBJECT_ID = "metadata.json", "config.json", "shared_object_id"


def make_reproducible(path: Path) -> None:
    """Write a `.keras` archive anew: no dates, and objects numbered in the order they come.

    Keras writes the time into it, and names objects that layers share by their address in memory.
    """
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(parts[_FACTS])
    parts[_FACTS] = _packed({"keras_version": facts["keras_version"]})
    parts[_CONFIG] = _packed(_renumbered(json.loads(parts[_CONFIG]), {}))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, where the format begins


def _packed(content: Any) -> bytes:
    return json.dumps(content).encode()


def _renumbered(content: Any, numbers: dict[int, int]) -> Any:
    if isinstance(content, list):
        return [_renumbered(each, numbers) for each in content]
    if not isinstance(content, dict):
        return content
    return {
        key: numbers.setdefault(value, len(numbers) + 1)
        if key == _OBJECT_ID
        else _renumbered(value, numbers)
        for key, value in content.items()
    }
