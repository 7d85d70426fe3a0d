"""What the machine has to train on: graphics cards, cores, and how they are shared."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.errors import ConfigError

POOL = "training"
"""The Airflow pool of the training tasks: one slot for each device."""

TRAININGS_PER_GPU = "CXR_TRAININGS_PER_GPU"
"""Environment variable: how many trainings share one graphics card; 1 unless set."""

TRAINING_SLOTS = "CXR_TRAINING_SLOTS"
"""Environment variable: how many trainings a cluster runs at once, where this machine's own
devices do not decide."""

NVIDIA_CARDS = Path("/proc/driver/nvidia/gpus")
"""Where the driver shows a folder for each card."""

_MOST_TRAININGS_PER_GPU = 16
_MOST_SLOTS = 1024
_MOST_CPU_TRAININGS = 4


def n_gpus() -> int:
    """Count the NVIDIA cards that the driver shows."""
    return len(list(NVIDIA_CARDS.iterdir())) if NVIDIA_CARDS.is_dir() else 0


def n_cores() -> int:
    """Count the cores that this process may use."""
    # Linux knows about container limits and affinity, other systems only about the machine.
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def n_trainings_per_gpu(environ: Mapping[str, str]) -> int:
    """Read how many trainings share a card.

    Raises:
        ConfigError: The environment says something else than a number from 1 to 16.
    """
    return _number(
        environ,
        TRAININGS_PER_GPU,
        default=1,
        most=_MOST_TRAININGS_PER_GPU,
        what="the trainings that share a graphics card",
    )


def n_training_slots(environ: Mapping[str, str] = os.environ) -> int:
    """Count the trainings that may run at once: by the cards, else up to four on the cores."""
    if n_gpus():
        return n_gpus() * n_trainings_per_gpu(environ)
    return min(_MOST_CPU_TRAININGS, n_cores())


def n_training_threads() -> int:
    """Count the threads of each training: its share of the cores, but two where there are two."""
    cores = n_cores()
    return max(min(2, cores), cores // n_training_slots())


def pools(environ: Mapping[str, str] = os.environ) -> dict[str, dict[str, object]]:
    """Return the pools that the DAG names, in the form `airflow pools import` reads.

    Raises:
        ConfigError: The environment's number of trainings is none.
    """
    slots = _number(
        environ,
        TRAINING_SLOTS,
        default=n_training_slots(environ),
        most=_MOST_SLOTS,
        what="the trainings that run at once in the whole cluster",
    )
    return {
        POOL: {
            "slots": slots,
            "description": "Trainings at once: one for each graphics card, else by cores.",
            "include_deferred": False,
        }
    }


def _number(environ: Mapping[str, str], name: str, *, default: int, most: int, what: str) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise ConfigError(
            f"{name}={value!r} is not possible.",
            f"Allowed: 1 to {most}, {what}.",
            f"Correct the environment variable {name}, or unset it.",
        )
    return int(value)
