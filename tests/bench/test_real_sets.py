"""Data sets of real radiographs, clean by construction and with shortcuts; here of drawn ones."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from bench.real.__main__ import RESULTS
from bench.real.disease import STRENGTHS, draw_disease, enlarged
from bench.real.drawing import PLAIN
from bench.real.normals import Normal, read_normals
from bench.real.rates import as_tables
from bench.real.sets import Kind, draw_set, kinds
from bench.real.shortcuts import SHORTCUTS, png
from bench.real.versions import WANTED
from cxr_tasks.errors import SourceError
from cxr_tasks.volume.files import read_json

ROOT = Path(__file__).parents[2]
SHAPE = (160, 128)


def grey(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, SHAPE, dtype=np.uint8)


def lungs() -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[40:120, 20:55] = mask[40:120, 75:110] = True
    return mask


def normals(n: int = 200) -> list[Normal]:
    """Two images of every fourth patient; views as they come."""
    rng = np.random.default_rng(0)
    views = rng.choice(["AP", "PA"], n)
    return [Normal(f"{i}", f"p{i - (i % 4 == 3)}", views[i], grey()) for i in range(n)]


def test_normals_of_several_archives_are_read_once_each(tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    for archive, names in ((first, ["1_0", "2_0"]), (second, ["2_0", "3_1"])):
        with zipfile.ZipFile(archive, "w") as opened:
            for name in names:
                opened.writestr(f"data/NORMAL/NORMAL/{name}.png", png(grey()))
            opened.writestr("data/COVID/9_0.png", png(grey()))
    second.with_suffix(".csv").write_text("path,view\nNORMAL/3_1.png,AP\n", encoding="utf-8")
    found = read_normals([first, second])
    assert [(each.name, each.patient, each.view) for each in found] == [
        ("1_0", "1", ""),
        ("2_0", "2", ""),
        ("3_1", "3", "AP"),
    ]


def test_archive_without_normals_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("COVID/9_0.png", png(grey()))
    with pytest.raises(SourceError, match="No image in a folder NORMAL"):
        read_normals([archive])
    with pytest.raises(SourceError, match="is no zip file"):
        read_normals([tmp_path / "none.zip"])


def test_disease_lies_in_the_lungs_and_at_their_edge_only() -> None:
    image, mask = np.full(SHAPE, 90, np.uint8), lungs()
    image[:10] = 220  # soft tissue, towards which opacities go
    image[-30:] = 220
    changed = [
        draw_disease(image, mask, np.random.default_rng(seed), strength="strong") != image
        for seed in range(20)
    ]
    near = binary_dilation(mask, iterations=8)
    assert not np.any([each[~near] for each in changed])
    edge = near & ~mask
    assert np.any([each[edge] for each in changed])
    # the periphery is reached as well as the middle
    assert np.any(changed, axis=0)[mask].mean() > 0.8


def test_stronger_disease_is_brighter_in_the_same_places() -> None:
    image = grey()
    drawn = [
        draw_disease(image, lungs(), np.random.default_rng(3), strength=strength).mean()
        for strength in STRENGTHS
    ]
    assert image.mean() < drawn[0] < drawn[1] < drawn[2]


def test_mask_is_brought_to_the_image() -> None:
    assert enlarged(np.ones((224, 224), np.bool_), SHAPE).shape == SHAPE


@pytest.mark.parametrize("name", SHORTCUTS)
def test_every_shortcut_makes_another_file_of_the_same_image(name: str) -> None:
    image = grey()
    file = SHORTCUTS[name].plant(image, np.random.default_rng(0))
    changed = np.asarray(Image.open(io.BytesIO(file)))
    if name == "size":
        assert changed.shape == (176, 141)
    else:
        assert changed.shape == SHAPE
        assert (changed != image).any()
    assert Image.open(io.BytesIO(file)).format == ("JPEG" if name == "format" else "PNG")


@pytest.mark.parametrize("name", ["null", "moderate", "letter-30", "view-60", "view-100"])
def test_sets_have_both_classes_alike_and_whole_patients(name: str) -> None:
    known, kind = normals(), kinds()[name]
    for seed in range(5):
        drawn = draw_set(known, kind, n_images=60, seed=seed)
        assert Counter(drawn.labels.tolist()) == {0: 30, 1: 30}
        assert len(set(drawn.images)) == 60
        label_of: dict[str, set[int]] = {}
        for place, label in zip(drawn.images, drawn.labels, strict=True):
            label_of.setdefault(known[place].patient, set()).add(int(label))
        assert all(len(labels) == 1 for labels in label_of.values())
        groups = {known[i].patient: g for i, g in zip(drawn.images, drawn.groups, strict=True)}
        assert len(set(groups.values())) == len(groups)


def test_versions_of_a_set_are_those_of_its_kind() -> None:
    known = normals()
    drawn = draw_set(known, kinds()["letter-30"], n_images=60, seed=1)
    versions = np.array(drawn.versions)
    assert set(versions[drawn.labels == 0]) == {PLAIN}
    assert Counter(versions[drawn.labels == 1].tolist()) == {WANTED.spoilt: 21, "letter": 9}
    null = draw_set(known, kinds()["null"], n_images=60, seed=1)
    assert set(null.versions) == {PLAIN}
    assert null.images == drawn.images  # one seed, the same patients


@pytest.mark.parametrize(("fraction", "least"), [(0.1, 0.05), (1.0, 1.0)])
def test_view_is_planted_by_choice(fraction: float, least: float) -> None:
    known = normals(400)
    kind = Kind("", WANTED.spoilt, "view", fraction)
    drawn = draw_set(known, kind, n_images=120, seed=0)
    is_ap = np.array([known[place].view == "AP" for place in drawn.images])
    difference = is_ap[drawn.labels == 1].mean() - is_ap[drawn.labels == 0].mean()
    assert difference == pytest.approx(fraction, abs=0.03)
    assert difference >= least


def test_the_page_has_the_tables_that_were_counted() -> None:
    text = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    tables = as_tables(read_json(RESULTS)).split("\n\n")
    assert len(tables) == 3
    assert [table for table in tables if table not in text] == []
