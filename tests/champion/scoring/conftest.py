from dataclasses import dataclass
from pathlib import Path

import pytest

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.volume.paths import Home
from tests.champion.scoring.served import ingest_phantoms, save_brightness_model, serve_champion


@dataclass(frozen=True)
class Served:
    """A shared volume with a champion; tests give their batches names of their own."""

    home: Home
    version: str
    model_file: Path
    dataset: Dataset


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("served")
    home, model_file = Home(root / "home"), root / "model.keras"
    save_brightness_model(model_file)
    dataset = ingest_phantoms(home)
    version = serve_champion(home, model_file, dataset)
    return Served(home, version, model_file, dataset)
