"""What a shared volume says, without what differs from try to try."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

_VARYING = {
    "at",
    "since",
    "promoted_at",
    "starts",
    "times",
    "peak_anon_mb",
    "resumed_from_epoch",
    "n_activations_computed",
    "inputs",
    "outputs",
    "content_sha256",
    "hashes",
}
"""Keys of times and memory, and of digests of files that hold such."""


def tree_of(root: Path) -> set[str]:
    """Name every file and folder of a shared volume that a run leaves, but the lock files."""
    names = {str(path.relative_to(root)) for path in root.rglob("*")}
    return {name for name in names if not name.startswith("locks")}


def numbers_of(root: Path) -> dict[str, str]:
    """Digest what every file of numbers says, by its name.

    JSON and CSV are read, and times left out; arrays and models are taken byte for byte. Pages
    and model cards say what the JSON says, and when.
    """
    return {
        str(path.relative_to(root)): _of_file(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in (*_READERS, *_OF_BYTES)
    }


def _of_file(path: Path) -> str:
    try:
        return _READERS.get(path.suffix, _of_bytes)(path)
    except (ValueError, csv.Error):  # damaged, and so not what it was
        return _of_bytes(path)


def _of_json(path: Path) -> str:
    content = _without_varying(json.loads(path.read_text(encoding="utf-8")))
    return _digest(json.dumps(content, sort_keys=True).encode())


def _without_varying(content: Any) -> Any:
    if isinstance(content, dict):
        return {
            key: _without_varying(value)
            for key, value in content.items()
            if key not in _VARYING and "seconds" not in key
        }
    if isinstance(content, list):
        return [_without_varying(value) for value in content]
    return content


def _of_csv(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [{key: value for key, value in row.items() if "seconds" not in key} for row in rows]
    return _digest(json.dumps(kept).encode())


def _of_bytes(path: Path) -> str:
    return _digest(path.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_READERS = {".json": _of_json, ".csv": _of_csv}
_OF_BYTES = (".npy", ".npz", ".keras")
