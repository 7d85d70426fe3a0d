"""What promotions are tried on: a home with a champion and runs that could challenge it."""

import shutil
from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import OTHER, OVERLAPPING, draw_challenger, draw_champion


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion of strength 1.0, and finished runs that could challenge it."""
    root = tmp_path_factory.mktemp("drawn")
    draw_champion(root, strength=1.0)
    for key, strength in (("like", 1.3), ("good", 2.0), ("best", 3.9), ("bad", 0.5)):
        draw_challenger(root, key, strength=strength)
    draw_challenger(root, "newer", strength=3.4, fingerprint=OVERLAPPING, first=80)
    draw_challenger(root, "far", strength=3.0, fingerprint=OTHER, first=400)
    return root


@pytest.fixture
def home(drawn: Path, tmp_path: Path) -> Home:
    shutil.copytree(drawn, tmp_path / "home")
    return Home(tmp_path / "home")
