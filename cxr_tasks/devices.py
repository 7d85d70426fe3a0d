"""What the machine has to train on: graphics cards, cores, and how they are shared."""

import os
import sys
from pathlib import Path

POOL = "training"
"""The Airflow pool of the training tasks: one slot for each device."""

_NVIDIA_CARDS = Path("/proc/driver/nvidia/gpus")
_MOST_CPU_TRAININGS = 4


def n_gpus() -> int:
    """Count the NVIDIA cards that the driver shows."""
    return len(list(_NVIDIA_CARDS.iterdir())) if _NVIDIA_CARDS.is_dir() else 0


def n_cores() -> int:
    """Count the cores that this process may use."""
    # Linux knows about container limits and affinity, other systems only about the machine.
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def n_training_slots() -> int:
    """Count the trainings that may run at once: one a card, else up to four on the cores."""
    return n_gpus() or min(_MOST_CPU_TRAININGS, n_cores())


def n_training_threads() -> int:
    """Give each training its share of the cores, but two where there are two."""
    cores = n_cores()
    return max(min(2, cores), cores // n_training_slots())


def pools() -> dict[str, dict[str, object]]:
    """Give the pools that the DAG names, in the form `airflow pools import` reads."""
    return {
        POOL: {
            "slots": n_training_slots(),
            "description": "Trainings at once: one for each graphics card, else by cores.",
            "include_deferred": False,
        }
    }
