import shutil
from pathlib import Path

import pytest

from cxr_tasks.publishing.destination import Destination, parse_destination
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import draw_challenger, draw_champion


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion of real-looking images, and a run that is better."""
    root = tmp_path_factory.mktemp("published")
    draw_champion(root, strength=1.0)
    draw_challenger(root, "better", strength=3.9)
    return root


@pytest.fixture
def home(drawn: Path, tmp_path: Path) -> Home:
    shutil.copytree(drawn, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(parse_destination(f"file://{folder}"))


@pytest.fixture(params=["file", "memory"])
def any_store(request: pytest.FixtureRequest, folder: Path) -> Store:
    return Store(Destination(request.param, f"{request.param}://{folder}"))
