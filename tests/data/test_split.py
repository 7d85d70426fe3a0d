import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import make_split, read_split, rows_of, split_grouped, split_paper
from cxr_tasks.errors import DataError
from cxr_tasks.settings.config import make_config

# Keras itself says which files train and which validate.
KERAS_SPLIT = """
import json, sys
from cxr_tasks.training.keras_runtime import start_keras
start_keras(threads=1, seed=0)
import keras
found = {
    subset: keras.utils.image_dataset_from_directory(
        sys.argv[1], validation_split=0.25, subset=subset, seed=42, image_size=(8, 8),
        shuffle=True, verbose=False,
    ).file_paths
    for subset in ("training", "validation")
}
print(json.dumps(found))
"""


def test_paper_split_is_keras_own(tmp_path: Path) -> None:
    paths = [f"COVID/COVID/c {n}.png" for n in range(162)]
    paths += [f"NORMAL/NORMAL/n-{n:03}.png" for n in range(162)]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KERAS_SPLIT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    keras_split = json.loads(done.stdout.splitlines()[-1])

    listed = np.array(sorted(paths))
    labels = np.array([int(path.startswith("COVID")) for path in listed])
    parts = split_paper(labels, seed=42)
    for ours, theirs in (("train", "training"), ("val", "validation")):
        expected = {str(Path(path).relative_to(tmp_path)) for path in keras_split[theirs]}
        assert set(listed[parts == ours]) == expected
    assert (parts == "train").sum() == 243


def drawn_groups(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 120 images of about 60 groups, each group of one class."""
    groups = np.random.default_rng(seed).integers(0, 60, size=120)
    return groups % 2, groups


@pytest.mark.parametrize("seed", range(5))
def test_grouped_split_keeps_groups_together_and_classes_balanced(seed: int) -> None:
    labels, groups = drawn_groups(seed)
    parts = split_grouped(labels, groups, seed=seed)
    assert all(len(set(parts[groups == group])) == 1 for group in groups)
    for part, fraction in (("train", 0.64), ("val", 0.16), ("test", 0.20)):
        chosen = parts == part
        assert chosen.mean() == pytest.approx(fraction, abs=0.06)
        assert labels[chosen].mean() == pytest.approx(labels.mean(), abs=0.12)


@pytest.mark.parametrize("one_in", [2, 3, 10])
def test_one_image_in_so_many_tests(one_in: int) -> None:
    labels, groups = drawn_groups(1)
    parts = split_grouped(labels, groups, seed=1, test_one_in=one_in)
    assert (parts == "test").mean() == pytest.approx(1 / one_in, abs=0.06)
    rest = (1 - 1 / one_in) / 5
    assert (parts == "val").mean() == pytest.approx(rest, abs=0.06)


def test_seed_decides_the_grouped_split() -> None:
    labels, groups = drawn_groups(0)
    first = split_grouped(labels, groups, seed=1)
    assert (first == split_grouped(labels, groups, seed=1)).all()
    assert (first != split_grouped(labels, groups, seed=2)).any()


def test_too_few_patients_are_refused() -> None:
    labels = np.array([1, 1, 1, 1, 1, 1] + [0] * 6)
    groups = np.array([1, 1, 1, 1, 1, 1, *range(3, 9)])
    with pytest.raises(DataError, match="COVID-19 has 1 groups"):
        split_grouped(labels, groups, seed=0)


def drawn_dataset(labels: list[int]) -> Dataset:
    """Return images of noise, no two alike."""
    rng = np.random.default_rng(0)
    index = pd.DataFrame(
        {
            "path": [f"{n}.png" for n in range(len(labels))],
            "label": labels,
            "patient": "",
            "sha256": [f"{n:064x}" for n in range(len(labels))],
            "phash": [f"{value:016x}" for value in rng.integers(0, 2**63, len(labels))],
        }
    )
    images = rng.integers(0, 256, (len(labels), 224, 224, 3), dtype=np.uint8)
    return Dataset(index=index, images=images, fingerprint="drawn", record={})


def test_split_file_has_every_image_once(tmp_path: Path) -> None:
    facts = make_split(drawn_dataset([0, 1] * 12), make_config({"seed": 3}), built=tmp_path)
    table = read_split(tmp_path)
    assert sorted(table["path"]) == sorted(f"{n}.png" for n in range(24))
    assert {part: len(rows_of(table, part)) for part in ("train", "val", "test")} == {
        part: counts["n_images"] for part, counts in facts["parts"].items()
    }
    assert facts["n_groups_across_parts"] == 0


def test_part_without_a_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one class only"):
        make_split(drawn_dataset([0] * 23 + [1]), make_config({"split": "paper"}), built=tmp_path)


def test_part_without_an_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The part 'val' \(0 of 2 images\) is empty"):
        make_split(drawn_dataset([0, 1]), make_config({"split": "paper"}), built=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fold_without_a_class_is_refused(tmp_path: Path) -> None:
    """Three groups a class are enough for two folds, but not for what is left of them."""
    config = make_config({"split": "grouped", "folds": 2})
    with pytest.raises(DataError, match=r"has 1 groups .* to divide into 2 parts"):
        make_split(drawn_dataset([0, 0, 0, 1, 1, 1]), config, built=tmp_path)
