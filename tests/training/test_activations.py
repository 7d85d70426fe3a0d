"""Activations are computed once for each content, and never taken for another's."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cxr_tasks.data.dataset import Dataset, DatasetRecord
from cxr_tasks.training.activations import (
    BATCH_SIZE,
    Activations,
    activations_key,
    frozen_activations,
)
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import Home
from tests.made_facts import filled
from tests.other_code import copy_code, run_code

N_IMAGES = 2 * BATCH_SIZE + 5


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def dataset(n_images: int = N_IMAGES, *, seed: int = 0) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (n_images, 16, 16, 3), dtype=np.uint8)
    index = pd.DataFrame(index=range(n_images))
    return Dataset(index, images, "0123456789abcdef", record_of(images))


def digests(data: Dataset) -> dict[str, str]:
    return {"images": data.images_digest}


def record_of(images: NDArray[np.uint8]) -> DatasetRecord:
    return filled(DatasetRecord, outputs={"images.npy": digest_of(images.tolist())})


def prefix(*, scale: float = 1 / 255, seed: int = 1, depth: int = 1) -> Any:
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(scale, name="rescale")(image)
    for number in range(depth):
        kernel = keras.initializers.GlorotUniform(seed)
        x = layers.Conv2D(2, 3, strides=2, kernel_initializer=kernel, name=f"conv{number}")(x)
    return keras.Model(image, x, name="prefix")


def wanted(home: Path, network: Any = None, data: Dataset | None = None) -> Activations:
    known = data or dataset()
    return frozen_activations(
        network or prefix(),
        known.images,
        inputs={"images": known.images_digest},
        home=Home(home),
        config_fingerprint="",
        seed=0,
        note=lambda _: None,
    )


@pytest.mark.parametrize("n_images", [3, BATCH_SIZE, N_IMAGES])
def test_they_are_what_the_prefix_gives_for_every_image(tmp_path: Path, n_images: int) -> None:
    network, data = prefix(), dataset(n_images)
    found = wanted(tmp_path, network, data)
    assert found.values.dtype == np.float32
    expected = network.predict(data.images, verbose=0)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-6)


def test_they_are_computed_once(tmp_path: Path) -> None:
    first = wanted(tmp_path)
    second = wanted(tmp_path, prefix())
    assert (first.n_computed, second.n_computed) == (N_IMAGES, 0)
    assert first.key == second.key
    np.testing.assert_array_equal(first.values, second.values)


def test_they_are_memory_mapped(tmp_path: Path) -> None:
    assert isinstance(wanted(tmp_path).values, np.memmap)


def test_any_other_content_misses_the_cache() -> None:
    import keras

    data = dataset()
    changed = data.images.copy()
    changed[7, 3, 3, 1] ^= 1
    other_image = replace(data, images=changed, record=record_of(changed))
    one_weight = prefix()
    weights = one_weight.get_weights()
    weights[0][0, 0, 0, 0] += 1e-6
    one_weight.set_weights(weights)
    keras.config.set_dtype_policy("mixed_bfloat16")
    other_dtype = prefix()
    keras.config.set_dtype_policy("float32")
    keys = [
        activations_key(prefix(), digests(data)),
        activations_key(prefix(), digests(other_image)),
        activations_key(one_weight, digests(data)),
        activations_key(prefix(scale=1 / 256), digests(data)),
        activations_key(prefix(depth=2), digests(data)),
        activations_key(other_dtype, digests(data)),
        activations_key(prefix(), {**digests(data), "view": "outside_lungs"}),
    ]
    assert len(set(keys)) == len(keys)


def test_damaged_activations_are_computed_again(tmp_path: Path) -> None:
    first = wanted(tmp_path)
    before = np.array(first.values)
    path = next((tmp_path / "cache" / "activations").rglob("activations.npy"))
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    path.write_bytes(content)
    again = wanted(tmp_path)
    assert again.n_computed == N_IMAGES
    np.testing.assert_array_equal(again.values, before)


_WANT = """
import sys
from pathlib import Path
from cxr_tasks.training.keras_runtime import start_keras
from tests.other_code import copy_code, run_code
start_keras(threads=2, seed=0)
from tests.training.test_activations import wanted
print(wanted(Path(sys.argv[1])).n_computed)
"""


@pytest.mark.parametrize(
    ("changed", "n_computed"),
    [("training/networks.py", N_IMAGES), pytest.param("cli/watch.py", 0, marks=pytest.mark.slow)],
)
def test_other_code_computes_anew(tmp_path: Path, changed: str, n_computed: int) -> None:
    wanted(tmp_path / "home")
    code = copy_code(tmp_path / "code", changed=changed)
    done = run_code(code, "-W", "ignore", "-c", _WANT, str(tmp_path / "home"))
    assert done.stdout.split()[-1] == str(n_computed), done.stdout


@pytest.mark.slow
def test_of_two_tasks_at_once_one_computes(tmp_path: Path) -> None:
    tasks = [
        subprocess.Popen(
            [sys.executable, "-c", _WANT, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    told = sorted(int(task.communicate(timeout=120)[0]) for task in tasks)
    assert told == [0, N_IMAGES]
