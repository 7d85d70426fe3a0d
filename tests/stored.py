"""Finished artifacts changed by a test as if they had been made so."""

from pathlib import Path
from typing import Any

from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.sealed import read_sealed, write_sealed


def change_record(path: Path, **changes: Any) -> None:
    """Change a record and seal it anew."""
    write_sealed(path, read_sealed(path) | changes)


def accept_changes(folder: Path, model: type[StageRecord]) -> None:
    """Let the record of a folder say of its files what they are now."""
    path = folder / model.FILE
    outputs = {name: sha256_of(folder / name) for name in read_sealed(path)["outputs"]}
    change_record(path, outputs=outputs)


def flip_bit(path: Path, *, position: float = 0.5) -> None:
    """Flip the lowest bit of one byte, at a fraction of the file's length."""
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 1
    path.write_bytes(content)
