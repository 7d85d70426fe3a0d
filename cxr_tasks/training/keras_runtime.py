"""Keras started the same way on every route: backend, threads, determinism, seed, precision."""

import importlib.metadata
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxr_tasks.machine.devices import NVIDIA_CARDS
from cxr_tasks.training.gpu_lease import VISIBLE_CARDS

Model = Any

FULL = "float32"
MIXED = "mixed_float16"
"""Keras' name; not bfloat16, which graphics cards before 2020 do not compute with."""

_INTRA_OP = "TF_NUM_INTRAOP_THREADS"
_XLA_FLAGS = "XLA_FLAGS"
_CPU_FACTS = Path("/proc/cpuinfo")
_BACKEND = "KERAS_BACKEND"
_LIBRARIES = {
    "tensorflow": ("keras", "tensorflow", "numpy", "h5py"),
    "jax": ("keras", "jax", "jaxlib", "numpy", "h5py"),
    "torch": ("keras", "torch", "numpy", "h5py"),
}
"""What decides about a training's last bits, by Keras' backend."""
_DETERMINISTIC_JAX = "--xla_gpu_deterministic_ops"


def start_keras(*, threads: int, seed: int, card: str | None = None) -> None:
    """Set what Keras and its backend read once, import Keras, and seed it.

    To be called before anything else in the process imports Keras; calling it again with the
    same thread count only seeds again. An environment that names a backend keeps it.

    Args:
        threads: CPU threads of one operation. Another number gives other last bits, so it is
            part of the configuration and never left to the machine.
        seed: Seeds Python, NumPy and the backend, in [0, 2**32).
        card: The one graphics card to use, as `CUDA_VISIBLE_DEVICES` names it; None leaves the
            choice to the environment.

    Raises:
        RuntimeError: Keras or TensorFlow was imported before, not with these threads.
    """
    _refuse_late_start(threads)
    os.environ.setdefault(_BACKEND, "tensorflow")
    os.environ.update(_environment(threads))
    if os.environ[_BACKEND] == "jax":
        os.environ[_XLA_FLAGS] = _deterministic(os.environ.get(_XLA_FLAGS, ""))
    if card is not None:
        os.environ[VISIBLE_CARDS] = card

    with _without_greetings():
        import keras
    keras.utils.set_random_seed(seed)


def forget_networks() -> None:
    """Drop the networks that nobody holds any more, and the names and graphs Keras keeps of them.

    What is built next is named, seeded and traced as in a new process. Nothing where Keras was
    not started.
    """
    if "keras" not in sys.modules:
        return
    import keras

    keras.utils.clear_session()
    # TensorFlow tells functions apart by their address: of a new network at a dropped one's place
    # it would warn that the same function is traced again and again.
    logging.getLogger("tensorflow").addFilter(_is_not_about_retracing)


def _is_not_about_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in str(record.msg)


def has_gpu() -> bool:
    """Return whether the trainings of this process run on a graphics card."""
    return bool(_gpus())


def describe_device() -> str:
    """Describe what the trainings of this process run on; `start_keras` comes first."""
    gpus = _gpus()
    if gpus:
        return f"{len(gpus)} GPU ({_gpu_model()})"
    return f"CPU ({_cpu_model()}), {os.environ[_INTRA_OP]} threads"


def library_versions() -> dict[str, str]:
    """Return the versions of what decides about a training's last bits."""
    libraries = _LIBRARIES[os.environ.get(_BACKEND, "tensorflow")]
    versions = {name: importlib.metadata.version(name) for name in libraries}
    return {"python": platform.python_version(), **versions}


def choose_precision(setting: str, *, has_gpu: bool) -> str:
    """Return what a training computes in: what the setting names; for `auto`, the device's best.

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


def first_line(err: Exception) -> str:
    """Return the beginning of an error of Keras, which goes on with advice to programmers."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")


def _refuse_late_start(threads: int) -> None:
    imported = {"keras", "tensorflow"} & set(sys.modules)
    if imported and os.environ.get(_INTRA_OP) != str(threads):
        raise RuntimeError(
            f"{' and '.join(sorted(imported))} imported before start_keras(threads={threads}), "
            f"with {_INTRA_OP}={os.environ.get(_INTRA_OP)!r}. The backend reads its threads "
            "once: call start_keras first, or use a process of its own."
        )


@contextmanager
def _without_greetings() -> Iterator[None]:
    """Hold back what TensorFlow's libraries write to the terminal as they are loaded.

    They do so before any setting of theirs is read. Where loading fails, it is shown.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as greetings:
        os.dup2(greetings.fileno(), 2)
        try:
            yield
        except BaseException:
            greetings.seek(0)
            os.write(kept, greetings.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _environment(threads: int) -> dict[str, str]:
    return {
        _INTRA_OP: str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Independent operations at once would only compete for the same cores.
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_DETERMINISTIC_OPS": "1",
        # What fails raises in Python; TensorFlow's own log calls a machine without GPU an error.
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Otherwise a training takes a card's whole memory, and two can never share one; the
        # second is for Keras' JAX backend.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def _deterministic(xla_flags: str) -> str:
    """Make JAX compute the same bits on a card each time, unless the environment decides it."""
    if _DETERMINISTIC_JAX in xla_flags:
        return xla_flags
    return f"{xla_flags} {_DETERMINISTIC_JAX}=true".strip()


def _gpus() -> list[str]:
    import keras

    return [name for name in keras.distribution.list_devices() if name.startswith(("gpu", "cuda"))]


def _gpu_model() -> str:
    """Read the cards' names from the driver: Keras' public interface has none."""
    if not NVIDIA_CARDS.is_dir():
        return "model unknown"
    facts = [(card / "information").read_text() for card in sorted(NVIDIA_CARDS.iterdir())]
    return ", ".join(sorted({_fact(text, "Model") for text in facts}))


def _cpu_model() -> str:
    text = _CPU_FACTS.read_text() if _CPU_FACTS.exists() else ""
    return _fact(text, "model name") or platform.processor() or platform.machine()


def _fact(text: str, key: str) -> str:
    """Find `key : value` in a file of such lines; empty where there is none."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return " ".join(value.split())
    return ""
