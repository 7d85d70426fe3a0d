"""Saved models: what is refused, and equal bytes for equal models."""

import zipfile
from pathlib import Path

import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import load_model, make_reproducible


@pytest.fixture(scope="module", autouse=True)
def _keras() -> None:
    start_keras(threads=2, seed=0)


def test_a_model_that_carries_code_is_refused(tmp_path: Path) -> None:
    import keras

    image = keras.Input((2,))
    keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image)).save(tmp_path / "m.keras")
    with pytest.raises(ArtifactError, match=r"m\.keras cannot be loaded as a model"):
        load_model(tmp_path / "m.keras")


@pytest.mark.parametrize("content", [None, b"", b"no zip file"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"m\.keras cannot be loaded as a model"):
        load_model(path)


def test_archive_that_is_reproducible_stays_so(tmp_path: Path) -> None:
    for name, address in (("one", 139_999), ("two", 140_123)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("metadata.json", f'{{"keras_version": "3", "date_saved": "{name}"}}')
            shared = f'{{"shared_object_id": {address}}}'
            archive.writestr("config.json", f'{{"layers": [{shared}, {shared}]}}')
            archive.writestr("model.weights.h5", b"weights")
        make_reproducible(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with zipfile.ZipFile(tmp_path / "one") as archive:
        config = archive.read("config.json")
    assert config == b'{"layers": [{"shared_object_id": 1}, {"shared_object_id": 1}]}'
