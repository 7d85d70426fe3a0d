"""What an interrupted training needs to go on with the same numbers, in one file.

The file is a NumPy .npz archive, followed by the SHA-256 of its bytes.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import DamagedError
from cxr_tasks.volume.files import remove_leftovers, writing

Arrays = tuple[NDArray[Any], ...]

_FACTS = "facts"
_GROUPS = ("weights", "optimizer", "best_weights")
_N_DIGEST_BYTES = hashlib.sha256().digest_size


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
    content = _packed(checkpoint)
    remove_leftovers(path)
    with writing(path) as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).digest())


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises:
        DamagedError: The file is damaged.
    """
    try:
        file = path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError as err:
        raise DamagedError(
            f"{path} is a folder.",
            "A checkpoint is one file.",
            "Delete it; the training then begins again.",
        ) from err
    content, digest = file[:-_N_DIGEST_BYTES], file[-_N_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise DamagedError(
            f"The checkpoint {path} is damaged: its {len(file)} bytes do not match its digest.",
            "It is written in one step with its digest, so it was changed afterwards.",
            "Delete it; the training then begins again.",
        )
    return _unpacked(content)


def _packed(checkpoint: Checkpoint) -> memoryview:
    text = json.dumps({"fingerprint": checkpoint.fingerprint, **checkpoint.facts})
    arrays: dict[str, Any] = {_FACTS: np.frombuffer(text.encode(), np.uint8)}
    for group in _GROUPS:
        for number, array in enumerate(getattr(checkpoint, group)):
            arrays[f"{group}_{number:05d}"] = array
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getbuffer()


def _unpacked(content: bytes) -> Checkpoint:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    facts = json.loads(arrays[_FACTS].tobytes())
    groups = {
        group: tuple(arrays[name] for name in sorted(arrays) if name.startswith(f"{group}_"))
        for group in _GROUPS
    }
    return Checkpoint(facts.pop("fingerprint"), facts, **groups)
