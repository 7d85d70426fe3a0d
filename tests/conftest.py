import os
import shutil
import tempfile
from pathlib import Path

import pytest

DRAWN_RUNS = "DRAWN_RUNS"
"""Variable of the environment that names a folder for what this and other processes draw."""

_DEAR = ("training", "dags", "champion")

# Read once, where NumPy is first imported. Its matrices are small here, and a core that waits for
# the others in turn is one that another process of tests lacks.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for drawn runs that the processes of pytest-xdist share, as its first one."""
    if DRAWN_RUNS not in os.environ:
        folder = tempfile.mkdtemp(prefix="drawn-")
        os.environ[DRAWN_RUNS] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes longest come first: else one process works on it when all others are done."""
    items.sort(key=lambda item: item.path.parent.name not in _DEAR)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images and weights that are no part of the project."""
    beside = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("CXR_SHARED_DATA") or beside)
    if not (folder / "cxr-324.zip").exists():
        pytest.skip(f"no cxr-324.zip in {folder}; CXR_SHARED_DATA may name another folder")
    return folder
