from pathlib import Path

import pytest

from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.shelf import draw_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    return draw_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def site(home: Home) -> Site:
    return Site(home)
