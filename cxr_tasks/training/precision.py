"""Mixed precision: half-precision arithmetic in training, on weights of full precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Model = Any

FULL = "float32"
MIXED = "mixed_float16"
"""Keras' name; not bfloat16, which graphics cards before 2020 do not compute with."""


def choose_precision(setting: str, *, has_gpu: bool) -> str:
    """Say how a training computes: as the setting says, and by `auto` as the device does best.

    On a CPU half precision is no faster: its convolutions compute in float32 all the same.
    """
    if setting == "auto":
        return MIXED if has_gpu else FULL
    return MIXED if setting == "mixed" else FULL


@contextmanager
def computing_in(precision: str, model: Model) -> Iterator[None]:
    """Let a model's layers compute in a precision while it is trained.

    Weights stay float32 throughout, and afterwards the model computes as before: what is saved
    gives the same scores on every device (Micikevicius et al., "Mixed Precision Training", 2018).
    The output layer, whose probability the loss takes the logarithm of, stays float32.
    """
    changed = [model, *model.layers[:-1]]
    before = [part.dtype_policy for part in changed]
    try:
        for part in changed:
            part.dtype_policy = precision
        yield
    finally:
        for part, policy in zip(changed, before, strict=True):
            part.dtype_policy = policy
