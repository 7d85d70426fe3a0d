from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home
from tests.space.volume import put_champion, put_dataset, put_run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a shared volume: three runs, each of a data set of its own; the oldest is champion."""
    made = Home(tmp_path / "home")
    for key, days_ago in (("old", 50), ("middle", 40), ("new", 30)):
        put_dataset(made, f"of-{key}")
        put_run(made, key, days_ago=days_ago, dataset=f"of-{key}")
    put_champion(made, "old", dataset="of-old")
    return made
