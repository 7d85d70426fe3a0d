import os
import subprocess
import sys

import numpy as np
import pytest

from cxr_tasks.training.keras_runtime import describe_device, library_versions, start_keras

THREADS = 2


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=THREADS, seed=0)


def test_one_seed_gives_the_same_random_numbers() -> None:
    def draw(seed: int) -> list[float]:
        import keras

        start_keras(threads=THREADS, seed=seed)
        return [*np.random.rand(2), *keras.random.uniform((2,)).numpy()]  # noqa: NPY002

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_another_thread_count_in_the_same_process_is_refused() -> None:
    with pytest.raises(RuntimeError, match="call start_keras first"):
        start_keras(threads=THREADS + 1, seed=0)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == str(THREADS)


def test_keras_imported_before_is_refused() -> None:
    code = """
import sys, types
sys.modules |= {name: types.ModuleType(name) for name in ("keras", "tensorflow")}
from cxr_tasks.training.keras_runtime import start_keras
try:
    start_keras(threads=1, seed=0)
except RuntimeError as err:
    print(err)
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "keras and tensorflow imported before start_keras(threads=1)" in done.stdout


def test_determinism_reaches_tensorflow() -> None:
    import tensorflow as tf

    # With determinism required, TensorFlow refuses what no seed decides.
    with pytest.raises(tf.errors.InvalidArgumentError, match="When determinism is enabled"):
        tf.raw_ops.RandomUniform(shape=[2], dtype=tf.float32, seed=0, seed2=0)


def test_device_is_told_in_words() -> None:
    assert describe_device().startswith(("CPU (", "1 GPU (", "2 GPU ("))


def test_versions_of_what_decides_about_numbers() -> None:
    import keras

    versions = library_versions()
    assert versions["keras"] == keras.__version__
    assert {"python", "keras", "tensorflow", "numpy"} <= set(versions)


@pytest.mark.slow
def test_jax_is_told_to_repeat_its_numbers_and_the_terminal_gets_no_greetings() -> None:
    used = {
        "": "--xla_gpu_deterministic_ops=true",
        "--xla_dump_to=x": "--xla_dump_to=x --xla_gpu_deterministic_ops=true",
        "--xla_gpu_deterministic_ops=false": "--xla_gpu_deterministic_ops=false",
    }
    assert flags_after_start("jax", list(used)) == list(used.values())
    assert flags_after_start("tensorflow", list(used)) == list(used)


def flags_after_start(backend: str, each_flags: list[str]) -> list[str]:
    """Start Keras in a process of its own, where the backend need not be installed."""
    code = """
import os, sys
from cxr_tasks.training.keras_runtime import start_keras
for xla_flags in sys.argv[1:]:
    os.environ["XLA_FLAGS"] = xla_flags
    try:
        start_keras(threads=1, seed=0)
    except ModuleNotFoundError as err:
        assert err.name == "jax", err
    print(os.environ["XLA_FLAGS"])
print("an error", file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *each_flags],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "an error\n"  # and none of the greetings of what is loaded
    return done.stdout.splitlines()


def test_versions_are_those_of_the_backend_at_hand() -> None:
    code = (
        "from cxr_tasks.training.keras_runtime import library_versions; print(library_versions())"
    )
    environ = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert "tensorflow" not in done.stdout
    assert "torch" in done.stdout + done.stderr  # which need not be installed
