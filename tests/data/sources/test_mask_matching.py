"""Which files are masks of the lungs, and of which images; and which are images."""

from pathlib import Path

import pytest

from cxr_tasks.data.sources.candidates import Found, Listing, list_candidates
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.left_out import MASK, NO_CLASS, OTHER, STRAY_MASK
from cxr_tasks.data.sources.mask_matching import OUTSIDE, SEVERAL, SHARED
from cxr_tasks.data.sources.source import stamp_of
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import DataError, SourceError
from cxr_tasks.settings.mask_pattern import MaskPattern
from cxr_tasks.settings.presets import PRESETS
from tests.data.sources.test_source import write_zip
from tests.image_files import make_files

STUDY = PRESETS["study"]
IMAGES = ("COVID/cxr/a.png", "COVID/cxr/b.png", "NORMAL/cxr/c.png")


def written(text: str, top: str = "") -> MaskPattern:
    return MaskPattern(tuple(text.split("/")), top)


def listed(text: str, *others: str, images: tuple[str, ...] = IMAGES, top: str = "") -> Listing:
    found = Found((*images, *others))
    return list_candidates(found, STUDY, root="set", masks=written(text, top))


def masks_of(listing: Listing) -> dict[str, str]:
    return {item.path: item.mask for item in listing.candidates}


@pytest.mark.parametrize(
    ("pattern", "masks"),
    [
        ("{folder}/../masks/{name}", ["COVID/masks/a.png", "NORMAL/masks/c.png"]),
        ("{folder}/../lungs/{name}", ["COVID/lungs/a.png", "NORMAL/lungs/c.png"]),
        ("{folder}/{stem}_mask.gif", ["COVID/cxr/a_mask.gif", "NORMAL/cxr/c_mask.gif"]),
        ("lungs/{stem}.png", ["lungs/a.png", "lungs/c.png"]),
        ("**/lungs/{stem}.*", ["x/lungs/a.tif", "lungs/c.png"]),
        ("{folder}/../{stem}-*.png", ["COVID/a-m.png", "NORMAL/c-mask.png"]),
    ],
)
def test_masks_are_found_and_are_no_images(pattern: str, masks: list[str]) -> None:
    listing = listed(pattern, *masks)
    assert masks_of(listing) == {IMAGES[0]: masks[0], IMAGES[1]: "", IMAGES[2]: masks[1]}
    assert listing.masks == masks
    assert listing.n_left_out_by_reason == {}
    assert listing.n_unclear_masks_by_reason == {}


def test_masks_of_no_image_are_counted() -> None:
    masks = ("COVID/lungs/a.png", "COVID/lungs/z.png", "OTHER/masks/z.png", "COVID/lungs/a.txt")
    listing = listed("{folder}/../lungs/{name}", *masks)
    assert [item.path for item in listing.candidates] == list(IMAGES)
    assert listing.n_left_out_by_reason == {STRAY_MASK: 1, MASK: 1, OTHER: 1}


def test_without_a_pattern_they_are_what_they_were() -> None:
    found = Found((*IMAGES, "COVID/masks/a.png", "lungs/b.png"))
    listing = list_candidates(found, STUDY, root="set")
    assert listing.n_left_out_by_reason == {MASK: 1, NO_CLASS: 1}
    assert listing.masks == []


def test_mask_that_is_not_certain_is_none() -> None:
    listing = listed("m/{stem}*", "m/a.png", "m/a.tif", "m/b.png")
    assert masks_of(listing) == {IMAGES[0]: "", IMAGES[1]: "m/b.png", IMAGES[2]: ""}
    assert listing.n_unclear_masks_by_reason == {SEVERAL: 1}
    images = ("COVID/a.png", "NORMAL/a.png", "NORMAL/b.png")
    listing = listed("m/{name}", "m/a.png", "m/b.png", images=images)
    assert masks_of(listing) == {images[0]: "", images[1]: "", images[2]: "m/b.png"}
    assert listing.n_unclear_masks_by_reason == {SHARED: 2}
    two = ("COVID/cxr/a.png", "NORMAL/b.png")
    listing = listed("{folder}/../../m/{name}", "m/a.png", images=two)
    assert listing.n_unclear_masks_by_reason == {OUTSIDE: 1}


def test_what_is_no_image_by_its_name_is_no_mask() -> None:
    others = ("m/a.txt", "m/a.json", "m/a.csv", "m/.a.png")
    assert listed("m/{stem}.*", "m/a.png", *others).masks == ["m/a.png"]


def test_names_full_of_signs_are_taken_at_their_word() -> None:
    images = ("COVID/a*.png", "COVID/[b].png", "NORMAL/{c}.png", "NORMAL/d\n.png", "COVID/ab.png")
    masks = ("m/a*_x.png", "m/[b]_x.png", "m/{c}_x.png", "m/d\n_x.png")
    listing = listed("m/{stem}_?.png", *masks, images=images)
    assert set(listing.masks) == set(masks)
    assert masks_of(listing)["COVID/ab.png"] == ""


def test_pattern_that_finds_no_mask_is_refused_if_a_person_wrote_it() -> None:
    said = r"finds no mask of 3 images: that of '.*a.png' would be 'COVID/maks/a.png'"
    with pytest.raises(DataError, match=said):
        listed("{folder}/../maks/{name}", "COVID/masks/a.png")
    preset = MaskPattern(("{folder}", "..", "masks", "{name}"), is_written=False)
    listing = list_candidates(Found(IMAGES), STUDY, root="set", masks=preset)
    assert listing.masks == []


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("**/{stem}.*", "takes every image of the class COVID-19 as a mask; it fits 5 files"),
        ("NORMAL/cxr/{name}", "takes every image of the class normal"),
        ("{folder}/{stem}?.png", r"cannot tell 1 images from masks: 'COVID/cxr/a1.png'"),
    ],
)
def test_pattern_that_fits_images_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        listed(pattern, "COVID/cxr/a1.png", "COVID/cxr/a1m.png")
    assert "Correct lung_masks" in caught.value.remedy


def test_wrong_preset_is_said_before_a_pattern_that_finds_nothing() -> None:
    names = ("COVID/images/a.png", "Normal/images/b.png", "COVID/masks/a.png")
    with pytest.raises(DataError, match="layout of the COVID-19 Radiography Database"):
        listed("lungs/{name}", images=names)


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("text", ["{stem}.png", "*/{stem}.*"])
def test_masks_beside_the_data_are_found(tmp_path: Path, kind: str, text: str) -> None:
    deeper = "x/" if "*" in text else ""
    top = make_files(tmp_path / "masks", {f"{deeper}a.png": b"1", f"{deeper}z.png": b""})
    pattern = written(text, str(top))
    images = dict.fromkeys(IMAGES, b"image")
    source: FolderSource | ZipSource
    if kind == "folder":
        source = FolderSource(make_files(tmp_path / "set", images), STUDY, masks=pattern)
    else:
        source = ZipSource(write_zip(tmp_path / "a.zip", images), STUDY, "zip", masks=pattern)
    listing = source.listing()
    mask = top / deeper / "a.png"
    assert [Path(each) for each in listing.masks] == [mask]
    assert mask in source.watched()
    digest, stamp = source.digest(), stamp_of(source)
    mask.write_bytes(b"other")
    assert source.digest() != digest
    assert stamp_of(source) != stamp


def test_folder_of_masks_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder of lung_masks is not there"):
        listed("{name}", top=str(tmp_path / "none"))


def test_many_images_and_stars_take_no_time() -> None:
    images = tuple(f"{('COVID', 'NORMAL')[k % 2]}/{k:06}.png" for k in range(4000))
    masks = tuple(f"masks/{k % 7}/lung_{k:06}_v2.png" for k in range(4000))
    assert len(listed("masks/*/lung_{stem}_*.png", *masks, images=images).masks) == 4000
