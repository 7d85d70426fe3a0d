from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.split import make_folds, read_fold, read_tested_in, write_folds
from cxr_tasks.errors import DataError


def drawn_groups(n_images: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Return images of about half as many groups, each group of one class."""
    groups = np.random.default_rng(0).integers(0, n_images // 2, size=n_images)
    return groups % 2, groups


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
    assert [each["round"] for each in rounds] == list(range(1, 9))
    for number in (1, 8):
        read = read_fold(tmp_path, number)
        assert read["path"].tolist() == paths
        assert (read["part"].to_numpy() == parts[:, number - 1]).all()
        assert (read["group"].to_numpy() == groups).all()
        assert rounds[number - 1]["n_val"] == (read["part"] == "val").sum()
    tested_in = read_tested_in(tmp_path, n_folds=4)
    assert all(parts[n, tested_in[n] - 1] == "test" for n in range(40))
