"""A saved model that was damaged, or made to run code, is refused by the project's own loader."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.training.model_file import load_model

PARTS = ("config.json", "model.weights.h5")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files in a small whole model."""
    import keras

    path = tmp_path_factory.mktemp("model") / "model.keras"
    image = keras.Input((4,))
    keras.Model(image, keras.layers.Dense(1)(image)).save(path)
    load_model(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="cannot be loaded as a model"):
        load_model(path)


@pytest.mark.parametrize("name", PARTS)
def test_model_without_a_part(tmp_path: Path, parts: dict[str, bytes], name: str) -> None:
    refused(tmp_path / "m.keras", packed({k: v for k, v in parts.items() if k != name}))


@pytest.mark.parametrize("name", PARTS)
def test_model_with_a_flipped_bit(tmp_path: Path, parts: dict[str, bytes], name: str) -> None:
    content = bytearray(packed(parts))
    content[content.index(parts[name][:40]) + 20] ^= 1
    refused(tmp_path / "m.keras", bytes(content))


def test_model_of_endless_depth(tmp_path: Path, parts: dict[str, bytes]) -> None:
    refused(tmp_path / "m.keras", packed(parts | {"config.json": b"[" * 100_000}))


def calling(module: str, name: str, *, registered: str | None = None) -> dict[str, Any]:
    """The configuration of a layer that is a function of any module."""
    return {
        "module": module,
        "class_name": name,
        "config": {"value": "touch was-run"},
        "registered_name": registered,
    }


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "function"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
        ("keras.config", "enable_unsafe_deserialization"),
    ],
)
def test_configuration_that_names_any_function(
    tmp_path: Path, parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = json.dumps(calling(module, name)).encode()
    refused(tmp_path / "m.keras", packed(parts | {"config.json": config}))
    whole = json.loads(parts["config.json"])
    whole["config"]["layers"][1] |= calling(module, name)
    refused(tmp_path / "m.keras", packed(parts | {"config.json": json.dumps(whole).encode()}))
    assert not (tmp_path / "was-run").exists()
