import pytest

from tests.drawing import HOSTILE_NAMES, Drawing
from tests.reporting.made_report import NAMES, Made, make


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four finished variants on drawn images, random weights, stopped by the limit."""
    weak = dict.fromkeys(NAMES[:1], 0.05)
    drawing = Drawing(n_images=140, stopped_by="epochs", strengths=weak)
    return make(tmp_path_factory.mktemp("phantom"), drawing)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Real images with hostile names; one variant failed, one was not selected."""
    root = tmp_path_factory.mktemp("mixed")
    drawing = Drawing(
        n_images=24,
        split="paper",
        synthetic=False,
        weights_origin="file",
        names=HOSTILE_NAMES,
        n_rejected=31,
        failed=[NAMES[2]],
        skipped=[NAMES[3]],
        strengths=dict.fromkeys(NAMES, -20.0),
    )
    data = root / "folder of <images> & 'more'"
    data.mkdir()
    return make(root, drawing, profile="paper", source="folder", data=str(data))


@pytest.fixture(params=["phantom", "mixed"])
def made(request: pytest.FixtureRequest) -> Made:
    value: Made = request.getfixturevalue(request.param)
    return value
