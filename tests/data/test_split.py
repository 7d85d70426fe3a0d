import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_tasks.data.dataset import Dataset, DatasetRecord
from cxr_tasks.data.split import (
    make_folds,
    make_split,
    read_fold,
    read_split,
    read_tested_in,
    rows_of,
    split_grouped,
    split_paper,
    write_folds,
)
from cxr_tasks.errors import DataError
from cxr_tasks.settings.config import make_config
from tests.made_facts import filled

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


def drawn_groups(n_images: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return images of about half as many groups, each group of one class."""
    groups = np.random.default_rng(seed).integers(0, n_images // 2, size=n_images)
    return groups % 2, groups


@pytest.mark.parametrize("seed", range(5))
def test_grouped_split_keeps_groups_together_and_classes_balanced(seed: int) -> None:
    labels, groups = drawn_groups(seed=seed)
    parts = split_grouped(labels, groups, seed=seed)
    assert all(len(set(parts[groups == group])) == 1 for group in groups)
    for part, fraction in (("train", 0.64), ("val", 0.16), ("test", 0.20)):
        chosen = parts == part
        assert chosen.mean() == pytest.approx(fraction, abs=0.06)
        assert labels[chosen].mean() == pytest.approx(labels.mean(), abs=0.12)


@pytest.mark.parametrize("one_in", [2, 3, 10])
def test_one_image_in_so_many_tests(one_in: int) -> None:
    labels, groups = drawn_groups(seed=1)
    parts = split_grouped(labels, groups, seed=1, test_one_in=one_in)
    assert (parts == "test").mean() == pytest.approx(1 / one_in, abs=0.06)
    rest = (1 - 1 / one_in) / 5
    assert (parts == "val").mean() == pytest.approx(rest, abs=0.06)


def test_seed_decides_the_grouped_split() -> None:
    labels, groups = drawn_groups(seed=0)
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
    return Dataset(index=index, images=images, fingerprint="drawn", record=filled(DatasetRecord))


def test_split_file_has_every_image_once(tmp_path: Path) -> None:
    facts = make_split(drawn_dataset([0, 1] * 12), make_config({"seed": 3}), built=tmp_path)
    table = read_split(tmp_path)
    assert sorted(table["path"]) == sorted(f"{n}.png" for n in range(24))
    assert {part: len(rows_of(table, part)) for part in ("train", "val", "test")} == {
        part: counts.n_images for part, counts in facts.parts.items()
    }
    assert facts.n_groups_across_parts == 0


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


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_each_repeat_tests_every_image_once(n_repeats: int) -> None:
    labels, groups = drawn_groups()
    parts = make_folds(labels, groups, n_folds=4, n_repeats=n_repeats, seed=1)
    assert parts.shape == (120, 4 * n_repeats)
    for repeat in range(n_repeats):
        tested = (parts[:, 4 * repeat : 4 * repeat + 4] == "test").sum(axis=1)
        assert (tested == 1).all()


@pytest.mark.parametrize("n_images", [24, 60, 300])
def test_no_group_is_in_two_parts_of_a_round_and_every_part_has_both_classes(n_images: int) -> None:
    labels, groups = drawn_groups(n_images)
    for parts in make_folds(labels, groups, n_folds=3, n_repeats=2, seed=5).T:
        assert all(len(set(parts[groups == group])) == 1 for group in groups)
        for part in ("train", "val", "test"):
            assert set(labels[parts == part]) == {0, 1}


def test_repeats_divide_anew_and_the_seed_decides() -> None:
    labels, groups = drawn_groups()
    parts = make_folds(labels, groups, n_folds=3, n_repeats=2, seed=5)
    assert (parts[:, :3] != parts[:, 3:]).any()
    assert (parts == make_folds(labels, groups, n_folds=3, n_repeats=2, seed=5)).all()
    assert (parts != make_folds(labels, groups, n_folds=3, n_repeats=2, seed=6)).any()


def test_more_folds_than_patients_are_refused() -> None:
    labels, groups = np.array([0, 0, 1, 1, 1, 1]), np.array([1, 1, 2, 3, 4, 5])
    with pytest.raises(DataError, match="normal has 1 groups"):
        make_folds(labels, groups, n_folds=2, n_repeats=1, seed=0)


def test_a_round_reads_back_as_a_split(tmp_path: Path) -> None:
    labels, groups = drawn_groups(40)
    parts = make_folds(labels, groups, n_folds=4, n_repeats=2, seed=0)
    paths = [f"{'NA' if n == 3 else n}" for n in range(40)]
    table = pd.DataFrame({"path": paths, "label": labels, "group": groups})
    rounds = write_folds(table, parts, built=tmp_path)
    assert [each.round for each in rounds] == list(range(1, 9))
    for number in (1, 8):
        read = read_fold(tmp_path, number)
        assert read["path"].tolist() == paths
        assert (read["part"].to_numpy() == parts[:, number - 1]).all()
        assert (read["group"].to_numpy() == groups).all()
        assert rounds[number - 1].n_val == (read["part"] == "val").sum()
    tested_in = read_tested_in(tmp_path, n_folds=4)
    assert all(parts[n, tested_in[n] - 1] == "test" for n in range(40))
