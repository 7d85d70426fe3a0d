"""Masks of the lungs from their files to the store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.dataset import DatasetRecord, open_dataset
from cxr_tasks.data.mask_decoding import NO_LUNG, OTHER_SHAPE
from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from tests.data.sources.test_source import write_zip
from tests.data.test_ingest import do_ingest, folder_config
from tests.data.test_mask_decoding import drawn
from tests.image_files import class_files, encode, make_files, picture
from tests.stored import accept_changes

PATTERN = "{folder}/../masks/{stem}.png"


def with_masks(*, n_covid: int = 3, n_normal: int = 3) -> dict[str, bytes]:
    """Images of 60 x 40 pixels, and masks of half their width and height more."""
    names = [f"COVID/masks/c{k}.png" for k in range(n_covid)]
    names += [f"NORMAL/masks/n{k}.png" for k in range(n_normal)]
    return class_files() | dict.fromkeys(names, encode(drawn(width=90, height=60)))


def ingested(tmp_path: Path, files: dict[str, bytes], **settings: Any) -> tuple[Any, list[str]]:
    data = make_files(tmp_path / "data", files)
    settings = {"lung_masks": PATTERN} | settings
    fingerprint, notes = do_ingest(tmp_path, folder_config(data, **settings))
    return open_dataset(Home(tmp_path), fingerprint), notes


def test_masks_are_stored_beside_the_images(tmp_path: Path) -> None:
    dataset, notes = ingested(tmp_path, with_masks(n_normal=2))
    assert dataset.masks.shape == (6, 224, 224)
    assert dataset.masks.dtype == np.bool_
    assert dataset.index["mask"].tolist() == [*5 * ["given"], ""]
    assert dataset.masks[:5, 100, [67, 112, 157]].tolist() == 5 * [[True, False, True]]
    assert not dataset.masks[5].any()
    assert dataset.record.n_masks_by_class == {"COVID-19": 3, "normal": 2}
    assert dataset.record.n_left_out_by_reason == {}
    assert notes[0] == "folder data: 3 COVID-19, 3 normal, 5 lung masks"
    assert notes[-1] == (
        "Warning: lung masks: 3 of 3 COVID-19 and 2 of 3 normal images have one; too uneven to "
        "compare the classes by them"
    )


def test_classes_with_masks_alike_are_no_warning(tmp_path: Path) -> None:
    _, notes = ingested(tmp_path, with_masks())
    assert notes[-1] == "lung masks: 3 of 3 COVID-19 and 3 of 3 normal images have one"
    again, notes = ingested(tmp_path, {})
    assert "were ingested before" in notes[-2]
    assert notes[-1] == "lung masks: 3 of 3 COVID-19 and 3 of 3 normal images have one"
    assert len(again.masks) == 6


def test_masks_that_cannot_be_used_are_counted_and_cost_nothing_else(tmp_path: Path) -> None:
    files = with_masks() | {
        "COVID/masks/c0.png": b"",
        "COVID/masks/c1.png": encode(drawn(width=60, height=60)),
        "NORMAL/masks/n0.png": encode(drawn(width=60, height=40, value=0)),
        "NORMAL/masks/n1.png": encode(drawn(width=60, height=40, value=0)),
    }
    dataset, notes = ingested(tmp_path, files)
    assert dataset.record.n_unusable_masks_by_reason == {
        "empty file": 1,
        OTHER_SHAPE: 1,
        NO_LUNG: 2,
    }
    assert (dataset.record.n_images, dataset.record.n_rejected) == (6, 0)
    assert dataset.index["mask"].tolist() == ["", "", "given", "", "", "given"]
    assert notes[-2] == (
        "Warning: lung masks: 4 images count as without one (1 empty file, 1 a mask of another "
        "shape than the image, 2 a mask without lungs)"
    )


def test_store_without_a_usable_mask_has_none(tmp_path: Path) -> None:
    files = class_files() | {"COVID/masks/c0.png": b"no image"}
    dataset, notes = ingested(tmp_path, files)
    assert dataset.masks is None
    assert "masks.npy" not in dataset.record.outputs
    assert set(dataset.index["mask"]) == {""}
    assert notes[-1] == "Warning: lung masks: 1 images count as without one (1 not an image)"


def test_rejected_image_s_mask_is_not_stored(tmp_path: Path) -> None:
    files = with_masks() | {"COVID/COVID/c1.png": b"broken"}
    dataset, _ = ingested(tmp_path, files, max_rejected_fraction=0.5)
    assert len(dataset.masks) == len(dataset.images) == 5
    assert dataset.record.n_masks_by_class == {"COVID-19": 2, "normal": 3}


def test_other_masks_are_another_data_set(tmp_path: Path) -> None:
    first, _ = ingested(tmp_path, with_masks())
    ignored, _ = ingested(tmp_path, {}, lung_masks="none")
    assert ignored.masks is None
    other = encode(drawn(width=90, height=60).transpose(Image.Transpose.FLIP_TOP_BOTTOM), "BMP")
    second, _ = ingested(tmp_path, {"COVID/masks/c0.png": other})
    assert len({first.fingerprint, ignored.fingerprint, second.fingerprint}) == 3


def test_radiography_brings_its_masks(tmp_path: Path) -> None:
    files = {
        f"{top}/{kind}/images/{kind}-{k}.png": encode(picture(width=299, height=299, seed=k))
        for top in ("set",)
        for kind in ("COVID", "Normal")
        for k in range(3)
    }
    mask = encode(drawn(width=256, height=256).convert("RGB"))
    masks = {name.replace("images", "masks"): mask for name in files}
    config = {"source": "zip", "preset": "radiography"}
    for kind, content in (("with", files | masks), ("without", files)):
        path = write_zip(tmp_path / f"{kind}.zip", content)
        fingerprint, notes = do_ingest(tmp_path, make_config(config | {"data": str(path)}))
        dataset = open_dataset(Home(tmp_path), fingerprint)
        assert (dataset.masks is not None) == (kind == "with")
        assert any("lung masks: 3 of 3" in line for line in notes) == (kind == "with")


def test_where_masks_beside_the_data_lie_does_not_matter(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", class_files())
    masks = make_files(tmp_path / "here", {"c0.png": encode(drawn(width=60, height=40))})
    config = {"source": "zip", "data": str(path)}
    here = make_config(config | {"lung_masks": f"{masks}/{{name}}"})
    fingerprint, _ = do_ingest(tmp_path, here)
    there = make_config(config | {"lung_masks": f"{tmp_path}/there/{{stem}}.*"})
    masks.rename(tmp_path / "there")
    assert do_ingest(tmp_path, there)[0] == fingerprint
    dataset = open_dataset(Home(tmp_path), fingerprint)
    assert dataset.record.n_masks_by_class == {"COVID-19": 1, "normal": 0}


def test_many_images_are_decoded_with_their_masks_by_workers(tmp_path: Path) -> None:
    files = {
        f"{kind}/{k}.png": encode(picture(width=64, height=64, seed=k))
        for k in range(40)
        for kind in ("COVID", "NORMAL")
    }
    shapes = {
        f"m/{name}": encode(drawn(width=64, height=64 if k % 2 else 32))
        for k, name in enumerate(files)
    }
    dataset, _ = ingested(tmp_path, files | shapes, lung_masks="m/{folder}/{name}")
    has_mask = dataset.masks.any(axis=(1, 2))
    assert has_mask.tolist() == (dataset.index["mask"] == "given").tolist()
    assert has_mask.tolist() == [path.startswith("NORMAL") for path in dataset.index["path"]]


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_damaged_masks_are_noticed(tmp_path: Path, content: bytes) -> None:
    dataset, _ = ingested(tmp_path, with_masks())
    home, folder = Home(tmp_path), tmp_path / "datasets" / dataset.fingerprint
    (folder / "masks.npy").write_bytes(content)
    with pytest.raises(DamagedError):
        open_dataset(home, dataset.fingerprint)
    accept_changes(folder, DatasetRecord)
    with pytest.raises(ArtifactError, match="cannot be read"):
        open_dataset(home, dataset.fingerprint)


@pytest.mark.parametrize("masks", [np.zeros((5, 224, 224), bool), np.zeros((6, 224, 224), "u1")])
def test_masks_of_other_images_are_noticed(tmp_path: Path, masks: np.ndarray[Any, Any]) -> None:
    dataset, _ = ingested(tmp_path, with_masks())
    folder = tmp_path / "datasets" / dataset.fingerprint
    np.save(folder / "masks.npy", masks)
    accept_changes(folder, DatasetRecord)
    with pytest.raises(ArtifactError, match="masks and index do not belong together"):
        open_dataset(Home(tmp_path), dataset.fingerprint)


def test_real_masks(tmp_path: Path, shared_data: Path) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "lung-masks.zip") as archive:
        archive.extractall(tmp_path)
        stems = {Path(name).stem for name in archive.namelist() if name.endswith(".png")}
    images: dict[str, bytes] = {}
    with zipfile.ZipFile(shared_data / "cxr-324.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        kept = [name for name in names if Path(name).stem in stems]
        kept += [name for name in names if name.startswith("NORMAL")][:5]
        images = {name: archive.read(name) for name in kept}
    dataset, _ = ingested(tmp_path, images, lung_masks=f"{tmp_path}/masks/{{stem}}.png")
    assert dataset.record.n_masks_by_class == {"COVID-19": 29, "normal": 0}
    assert dataset.record.n_unusable_masks_by_reason == {}
    shares = dataset.masks[dataset.index["mask"] == "given"].mean(axis=(1, 2))
    assert 0.2 < shares.min() < shares.max() < 0.75
