"""Memory that a process took: on the card by the backend's own count, on the host by Linux's."""

import resource
import shutil
import subprocess
import tempfile
from types import TracebackType

_MB = 1e6
_QUERY = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"]
_EVERY_MS = "500"


def peak_card_mb() -> float | None:
    """Return the most memory that this process's arrays held on the card; None without a card."""
    import keras

    count = {"tensorflow": _tensorflow_bytes, "jax": _jax_bytes, "torch": _torch_bytes}
    n_bytes = count[keras.backend.backend()]()
    return None if n_bytes is None else round(n_bytes / _MB, 1)


def peak_host_mb() -> float:
    """Return the most memory that this process held on the host, its libraries included."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB, 1)


class CardMemory:
    """Watches the whole card's used memory by `nvidia-smi`, from outside the processes.

    It counts what the backends' own counts leave out: CUDA's context, libraries' work space,
    and what an allocator holds without need.

    Attributes:
        peak_mb: The most that was seen, by the end of the `with` block; None where there is no
            `nvidia-smi`.
    """

    def __init__(self) -> None:
        self.peak_mb: float | None = None

    def __enter__(self) -> "CardMemory":
        self._seen = tempfile.TemporaryFile("w+")
        self._child = None
        program = shutil.which("nvidia-smi")
        if program:
            self._child = subprocess.Popen(
                [program, *_QUERY, "-lms", _EVERY_MS],
                stdin=subprocess.DEVNULL,
                stdout=self._seen,
                stderr=subprocess.DEVNULL,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        with self._seen:
            self._seen.seek(0)
            used = [int(line) for line in self._seen.read().split("\n") if line.strip().isdigit()]
        self.peak_mb = max(used) * 1024**2 / _MB if used else None


def _tensorflow_bytes() -> int | None:
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def _jax_bytes() -> int | None:
    import jax

    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return None
    return int((device.memory_stats() or {}).get("peak_bytes_in_use", 0)) or None


def _torch_bytes() -> int | None:
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
