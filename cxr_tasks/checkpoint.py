"""What an interrupted training needs to go on with the same numbers, in one file."""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import ArtifactError

Arrays = tuple[NDArray[Any], ...]

_FACTS = "facts"
_DIGEST = "digest"
_GROUPS = ("weights", "optimizer", "best_weights")


@dataclass(frozen=True)
class Checkpoint:
    """A training at an epoch's end.

    Args:
        fingerprint: Digest of all that decides the training's numbers; another training's
            checkpoint must not be continued.
        facts: History and the state of early stopping, as JSON knows them.
        weights: What training changes in the model, batch statistics included.
        optimizer: The optimiser's variables.
        best_weights: As `weights`, at the end of the best epoch.
    """

    fingerprint: str
    facts: Mapping[str, Any]
    weights: Arrays
    optimizer: Arrays
    best_weights: Arrays


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one step: whoever is killed meanwhile leaves the one before."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **_packed(checkpoint))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.getbuffer())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _remove_leftovers(path)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises:
        ArtifactError: The file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _unpacked({name: file[name] for name in file.files})
    except FileNotFoundError:
        return None
    # What NumPy and zipfile raise for a file that is cut short or changed.
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, TypeError) as err:
        raise ArtifactError(
            f"The checkpoint {path} is damaged: {err}.",
            "It is written in one step with its digest, so it was changed afterwards.",
            "Delete it; the training then begins again.",
        ) from err


def _packed(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    text = json.dumps({"fingerprint": checkpoint.fingerprint, **checkpoint.facts})
    arrays: dict[str, NDArray[Any]] = {_FACTS: np.frombuffer(text.encode(), np.uint8)}
    for group in _GROUPS:
        for number, array in enumerate(getattr(checkpoint, group)):
            arrays[f"{group}_{number:05d}"] = array
    return arrays | {_DIGEST: np.frombuffer(_digest(arrays), np.uint8)}


def _unpacked(arrays: dict[str, NDArray[Any]]) -> Checkpoint:
    if arrays.pop(_DIGEST).tobytes() != _digest(arrays):
        raise ValueError("its content does not match its digest")
    facts = json.loads(arrays[_FACTS].tobytes())
    groups = {
        group: tuple(arrays[name] for name in sorted(arrays) if name.startswith(f"{group}_"))
        for group in _GROUPS
    }
    return Checkpoint(facts.pop("fingerprint"), facts, **groups)


def _digest(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Digest names, types, shapes and bytes, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _remove_leftovers(path: Path) -> None:
    """Remove what writers that were killed left; the caller alone writes this checkpoint."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)
