import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images and weights that are no part of the project."""
    beside = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("CXR_SHARED_DATA") or beside)
    if not (folder / "cxr-324.zip").exists():
        pytest.skip(f"no cxr-324.zip in {folder}; CXR_SHARED_DATA may name another folder")
    return folder
