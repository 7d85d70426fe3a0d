import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.errors import ConfigError
from cxr_tasks.lungs.export import as_png, name_masks, overlay_png, put


def test_masks_are_named_like_their_images_below_the_path_given() -> None:
    names = name_masks(
        ["/data/a/one.jpg", "/data/b/one.png", "/single/two.tif", "/x.zip/sub/three.png"],
        roots=["/data", "/single/two.tif", "/x.zip"],
    )
    assert list(names.values()) == ["a/one.png", "b/one.png", "two.png", "sub/three.png"]


@pytest.mark.parametrize(
    ("paths", "roots"),
    [
        (["/data/one.jpg", "/data/one.png"], ["/data"]),
        (["/a/one.png", "/b/one.png"], ["/a", "/b"]),
        (["/a/one.png", "/b/one.png"], ["/a/one.png", "/b/one.png"]),
    ],
)
def test_two_images_with_one_mask_are_refused(paths: list[str], roots: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"'one\.png' of .*one\.\w+, .*one\.png"):
        name_masks(paths, roots=roots)


def test_a_mask_has_its_images_size_and_two_levels() -> None:
    mask = np.zeros((224, 224), np.bool_)
    mask[56:168, 112:] = True
    picture = Image.open(io.BytesIO(as_png(mask, width=640, height=400)))
    assert picture.size == (640, 400)
    assert picture.mode == "L"
    pixels = np.asarray(picture)
    assert set(np.unique(pixels)) == {0, 255}
    assert (pixels > 0).mean() == pytest.approx(0.25, abs=0.005)
    assert pixels[200, 500] == 255
    assert pixels[200, 100] == 0


def test_an_overlay_has_the_images_shape_and_an_outline() -> None:
    mask = np.zeros((224, 224), np.bool_)
    mask[56:168, 56:168] = True
    grey = np.full((224, 224, 3), 90, np.uint8)
    picture = Image.open(io.BytesIO(overlay_png(grey, mask, width=1000, height=500)))
    assert picture.size == (448, 224)
    outlined = (np.asarray(picture) != 90).any(axis=-1)
    assert outlined[56, 200]
    assert not outlined[112, 224]  # its inside shows the image


def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "mask.png"
    put(path, b"one", overwrite=False)
    put(path, b"one", overwrite=False)
    with pytest.raises(ConfigError, match="--overwrite"):
        put(path, b"two", overwrite=False)
    assert path.read_bytes() == b"one"
    put(path, b"two", overwrite=True)
    assert path.read_bytes() == b"two"


def test_a_mask_of_before_does_not_stay_where_no_lungs_are_found_now(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    put(path, None, overwrite=False)
    path.write_bytes(b"of before")
    with pytest.raises(ConfigError, match="is there already"):
        put(path, None, overwrite=False)
    put(path, None, overwrite=True)
    assert not path.exists()
