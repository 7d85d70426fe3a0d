from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.mask_pattern import MaskPattern, mask_pattern_of

IMAGE = "top/COVID/images/a [1].b.png"


def pattern_of(text: str, *, source: str = "zip", data: str = "/data/set") -> MaskPattern:
    pattern = mask_pattern_of(make_config({"source": source, "data": data, "lung_masks": text}))
    assert pattern is not None
    return pattern


def path_of(text: str, **given: Any) -> str:
    pattern = pattern_of(text, **given)
    name = pattern.name_for(IMAGE)
    return "out" if name is None else "/".join(filter(None, (pattern.top, name.path)))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{folder}/../masks/{name}", "top/COVID/masks/a [1].b.png"),
        (" ./{folder}//..\\masks/{stem}.PNG ", "top/COVID/masks/a [1].b.PNG"),
        ("{folder}/{stem}_mask.png", "top/COVID/images/a [1].b_mask.png"),
        ("masks/{name}", "masks/a [1].b.png"),
        ("masks/{folder}/{name}", "masks/top/COVID/images/a [1].b.png"),
        ("{folder}/../../../m/{name}", "m/a [1].b.png"),
        ("{folder}/../../../../m/{name}", "out"),
        ("/masks/{stem}.png", "/masks/a [1].b.png"),
        ("/x/../masks/{folder}/{name}", "/masks/top/COVID/images/a [1].b.png"),
        ("/data/set/m/{name}", "/data/set/m/a [1].b.png"),
    ],
)
def test_name_of_the_mask_is_made_of_the_image_s(text: str, path: str) -> None:
    assert path_of(text) == path


def test_absolute_pattern_in_the_data_s_folder_is_relative(tmp_path: Path) -> None:
    given = {"source": "folder", "data": str(tmp_path)}
    assert path_of(f"{tmp_path}/m/{{name}}", **given) == "m/a [1].b.png"
    link = tmp_path.parent / "link"
    link.symlink_to(tmp_path)
    assert path_of(f"{tmp_path}/m/{{name}}", source="folder", data=str(link)) == "m/a [1].b.png"
    assert path_of("/else/m/{name}", **given) == "/else/m/a [1].b.png"


@pytest.mark.parametrize(
    ("text", "fitting", "other"),
    [
        ("masks/{stem}.*", "masks/a [1].b.tif", "masks/a [1].c.tif"),
        ("masks/{stem}.*", "masks/a [1].b.", "masks/deep/a [1].b.tif"),
        ("masks/*/{name}", "masks/x/a [1].b.png", "masks/x/y/a [1].b.png"),
        ("masks/**/{name}", "masks/x/y/a [1].b.png", "mask/a [1].b.png"),
        ("masks/**/{name}", "masks/a [1].b.png", "masksa [1].b.png"),
        ("{folder}/{stem}_?.png", "top/COVID/images/a [1].b_m.png", "top/COVID/images/a 1.b_m.png"),
    ],
)
def test_stars_stand_for_any_text(text: str, fitting: str, other: str) -> None:
    name = pattern_of(text).name_for(IMAGE)
    assert name is not None
    assert name.fits(fitting)
    assert not name.fits(other)
    assert name.path == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("masks/mask.png", "has neither {stem} nor {name}"),
        ("none/", "has neither"),
        ("/", "has neither"),
        ("masks/{file}", "has braces around something other"),
        ("masks/{name}}", "has braces around"),
        ("masks/{{name}}", "has braces around"),
        ("{folder}_masks/{name}", "inside a part of a path"),
        ("/{folder}/{name}", "no fixed folder"),
        ("/*/{name}", "no fixed folder"),
        ("../masks/{name}", "leads out of the data"),
        ("{folder}/{name}", "is the image itself"),
        ("*/*/*/*/*/{name}", "more than 4 stars"),
    ],
)
def test_pattern_of_no_mask_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="lung_masks=") as caught:
        make_config({"source": "zip", "data": "a.zip", "lung_masks": text})
    assert problem in caught.value.problem


def test_preset_may_bring_its_own() -> None:
    given = {"source": "zip", "data": "a.zip"}
    assert mask_pattern_of(make_config(given)) is None
    assert mask_pattern_of(make_config({})) is None
    own = mask_pattern_of(make_config(given | {"preset": "radiography"}))
    assert own is not None
    assert (own.text, own.is_written) == ("{folder}/../masks/{name}", False)
    ignored = given | {"preset": "radiography", "lung_masks": "none"}
    assert mask_pattern_of(make_config(ignored)) is None


def test_drawn_images_have_no_masks_and_external_ones_are_not_read() -> None:
    with pytest.raises(ConfigError, match=r"lung_masks=.* has no effect"):
        make_config({"lung_masks": "masks/{name}"})
    given = {"source": "zip", "data": "a.zip", "lung_masks": "masks/{name}"}
    outside = {"external_source": "folder", "external_data": "/x", "external_preset": "radiography"}
    external = make_config(given | outside).external_config()
    assert external is not None
    assert mask_pattern_of(external) is None
