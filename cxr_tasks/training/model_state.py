"""What training changes in a Keras model, taken out and put back."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.training.checkpoint import Arrays

Variables = tuple[Any, ...]


@dataclass(frozen=True)
class ModelState:
    """Handles on a compiled model's variables; made by `ModelState.of`."""

    model: Any
    _changing: Variables
    _seeds: Variables

    @classmethod
    def of(cls, model: Any) -> "ModelState":
        """Find the model's variables and build its optimiser's."""
        model.optimizer.build(model.trainable_variables)
        # A trainable layer's batch statistics change too, though no gradient changes them.
        changing = [w for layer in model.layers if layer.trainable for w in layer.weights]
        # Keras counts the states of dropout and augmentation as variables but not as weights.
        seeds = [v for v in model.variables if v.name == "seed_generator_state"]
        return cls(model, tuple(changing), tuple(seeds))

    def weights(self) -> Arrays:
        """Copy the weights that training changes."""
        return copies_of(self._changing)

    def is_finite(self) -> bool:
        """Say whether every weight that training changes is a finite number."""
        return all(bool(np.isfinite(weight).all()) for weight in self.weights())

    def optimizer(self) -> Arrays:
        """Copy the optimiser's variables."""
        return copies_of(self.model.optimizer.variables)

    def restore(self, weights: Arrays, optimizer: Arrays | None = None) -> None:
        """Put weights back, and the optimiser's variables where they are given."""
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
    """Put arrays into variables, in their order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def copies_of(variables: Variables) -> Arrays:
    """Copy variables' values, in their order."""
    return tuple(_copy(variable) for variable in variables)


def _copy(variable: Any) -> NDArray[Any]:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable), order="C")
