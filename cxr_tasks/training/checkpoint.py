"""What an interrupted training needs to go on with the same numbers, and the file it is in.

The file is a NumPy .npz archive, followed by the SHA-256 of its bytes.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import DamagedError
from cxr_tasks.volume.files import remove_leftovers, writing

Arrays = tuple[NDArray[Any], ...]
Variables = tuple[Any, ...]

_FACTS = "facts"
_GROUPS = ("weights", "optimizer", "best_weights")
_N_DIGEST_BYTES = hashlib.sha256().digest_size


class ModelState:
    """The variables of a compiled model that training changes, to copy and to restore."""

    def __init__(self, model: Any) -> None:
        self.model = model
        model.optimizer.build(model.trainable_variables)
        # A trainable layer's batch statistics change too, though no gradient changes them.
        self._changing = tuple(
            w for layer in model.layers if layer.trainable for w in layer.weights
        )
        # Keras counts the states of dropout and augmentation as variables but not as weights.
        self._seeds = [v for v in model.variables if v.name == "seed_generator_state"]

    def weights(self) -> Arrays:
        """Copy the weights that training changes."""
        return copies_of(self._changing)

    def is_finite(self) -> bool:
        """Return whether every weight that training changes is a finite number."""
        return all(bool(np.isfinite(weight).all()) for weight in self.weights())

    def optimizer(self) -> Arrays:
        """Copy the optimiser's variables."""
        return copies_of(self.model.optimizer.variables)

    def restore(self, weights: Arrays, optimizer: Arrays | None = None) -> None:
        """Set the weights, and the optimiser's variables where they are given."""
        assign(self._changing, weights)
        if optimizer is not None:
            assign(self.model.optimizer.variables, optimizer)

    def seed_random_layers(self, seed: int, epoch: int) -> None:
        """Set dropout and augmentation to where this epoch begins, whatever came before."""
        for number, variable in enumerate(self._seeds):
            word = np.random.SeedSequence([seed, epoch, number]).generate_state(1)[0]
            # Keras' state is a seed, which every backend takes below 2**31, and a counter.
            variable.assign([int(word) >> 1, 0])

    def digest(self) -> str:
        """Digest all weights, also those that stay, and which of them training changes."""
        digest = hashlib.sha256()
        changing = {id(weight) for weight in self._changing}
        for weight in self.model.weights:
            array = _copy(weight)
            digest.update(f"{id(weight) in changing}:{array.dtype.str}:{array.shape};".encode())
            digest.update(array.data)
        return digest.hexdigest()


def assign(variables: Variables, arrays: Arrays) -> None:
    """Set variables to arrays, in their order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def copies_of(variables: Variables) -> Arrays:
    """Copy variables' values, in their order."""
    return tuple(_copy(variable) for variable in variables)


def _copy(variable: Any) -> NDArray[Any]:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable), order="C")


@dataclass(frozen=True)
class Checkpoint:
    """A training at an epoch's end."""

    # digest of all that decides the training's numbers; another training's checkpoint must not be
    # continued
    fingerprint: str
    history: list[dict[str, Any]]  # each epoch's figures, as JSON knows them
    weights: Arrays  # what training changes in the model, batch statistics included
    optimizer: Arrays  # the optimiser's variables
    best_weights: Arrays  # as `weights`, at the end of the best epoch


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one step: whoever is killed meanwhile leaves the one before."""
    facts = {"fingerprint": checkpoint.fingerprint, "history": checkpoint.history}
    arrays: dict[str, Any] = {_FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    for group in _GROUPS:
        for number, array in enumerate(getattr(checkpoint, group)):
            arrays[f"{group}_{number:05d}"] = array
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    remove_leftovers(path)
    with writing(path) as stream:
        stream.write(archive.getbuffer())
        stream.write(hashlib.sha256(archive.getbuffer()).digest())


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
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    facts = json.loads(arrays[_FACTS].tobytes())
    groups = {
        group: tuple(arrays[name] for name in sorted(arrays) if name.startswith(f"{group}_"))
        for group in _GROUPS
    }
    return Checkpoint(facts["fingerprint"], facts["history"], **groups)
