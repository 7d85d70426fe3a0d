import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cxr_tasks.errors import ArtifactError, SourceError
from cxr_tasks.runs.ingest_record import WeightsFacts
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.weights import N_PARAMETERS, OWN_WEIGHTS, URL_SETTING, prepare_weights
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import Home

PAPER = {"profile": "paper", "source": "phantom"}
NOWHERE = "http://127.0.0.1:9/weights.h5"


def drawn_weights(path: Path, *, n_numbers: int = N_PARAMETERS, legacy: bool = True) -> Path:
    """Write a file with as many numbers as MobileNetV2 has; training would not load it."""
    with h5py.File(path, "w") as file:
        file.create_dataset("block/kernel", data=np.zeros(n_numbers, np.float32))
        if legacy:
            file.attrs["layer_names"] = ["block"]
    return path


def prepared(home: Path, settings: dict[str, Any], url: str = NOWHERE) -> WeightsFacts:
    return prepare_weights(
        make_config(settings), Home(home), environ={URL_SETTING: url}, report=lambda _: None
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Serve a folder; gives it, its address, and the paths that were asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("legacy", "suffix"), [(True, "v2.h5"), (False, ".weights.h5")])
def test_named_file_is_kept_under_its_digest(tmp_path: Path, legacy: bool, suffix: str) -> None:
    path = drawn_weights(tmp_path / "w.h5", legacy=legacy)
    weights = prepared(tmp_path, PAPER | {"weights": str(path)})
    assert weights.origin == "file"
    kept = tmp_path / "cache" / "backbones" / weights.file_name
    assert kept.read_bytes() == path.read_bytes()
    assert kept.name.endswith(suffix)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = drawn_weights(tmp_path / "w.h5", n_numbers=1000)
    with pytest.raises(ArtifactError, match="holds 1,000 numbers"):
        prepared(tmp_path, PAPER | {"weights": str(path)})
    assert not (tmp_path / "cache").exists()


def test_file_that_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_text("no weights")
    with pytest.raises(ArtifactError, match="cannot be read as an HDF5 file"):
        prepared(tmp_path, PAPER | {"weights": str(tmp_path / "w.h5")})


@pytest.mark.parametrize("seed", range(10))
def test_damaged_file_is_refused(tmp_path: Path, seed: int) -> None:
    path = drawn_weights(tmp_path / "w.h5", legacy=bool(seed % 2))
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    content[rng.integers(8, 1500, size=5)] = rng.integers(256, size=5)  # what names the arrays
    path.write_bytes(content.tobytes())
    with suppress(ArtifactError):
        prepared(tmp_path, PAPER | {"weights": str(path)})


def test_keras_download_is_fetched_once(
    tmp_path: Path, served: tuple[Path, str, list[str]]
) -> None:
    folder, address, asked = served
    drawn_weights(folder / "w.h5")
    first = prepared(tmp_path, PAPER, f"{address}/w.h5")
    assert first == prepared(tmp_path, PAPER, f"{address}/w.h5")
    assert first.origin == "keras"
    assert asked == ["/w.h5"]


def test_download_of_something_else_is_not_kept(
    tmp_path: Path, served: tuple[Path, str, list[str]]
) -> None:
    folder, address, _ = served
    (folder / "w.h5").write_text("<html>")
    with pytest.raises(ArtifactError, match="HDF5"):
        prepared(tmp_path, PAPER, f"{address}/w.h5")
    drawn_weights(folder / "w.h5")
    assert prepared(tmp_path, PAPER, f"{address}/w.h5").origin == "keras"


def test_missing_weights_are_an_error_but_in_quickstart(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="weights=PATH"):
        prepared(tmp_path, PAPER)


@pytest.mark.parametrize("asked", ["", "phantom"])
def test_quickstart_without_imagenet_takes_the_projects_own(tmp_path: Path, asked: str) -> None:
    weights = prepared(tmp_path, {"profile": "quickstart", "weights": asked})
    assert weights.origin == "phantom"
    assert weights.file_name.endswith(OWN_WEIGHTS.name)
    kept = tmp_path / "cache" / "backbones" / weights.file_name
    assert kept.read_bytes() == OWN_WEIGHTS.read_bytes()
    assert sha256_of(kept) == weights.sha256


def test_random_weights_stay_a_choice_of_quickstart(tmp_path: Path) -> None:
    assert prepared(tmp_path, {"profile": "quickstart", "weights": "random"}).origin == "random"


def test_variant_without_backbone_needs_no_weights(tmp_path: Path) -> None:
    assert prepared(tmp_path, PAPER | {"variants": "vanilla_cnn"}).origin == "none"
