from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.split import make_folds
from cxr_tasks.evaluation.predictions import choose_basis, predict_out_of_fold, predict_part
from cxr_tasks.statistics.scores import choose_threshold


def drawn_split(n: int = 60, *, parts: tuple[str, ...] = ("train", "val", "test")) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "label": np.tile([0, 1], n // 2),
            "group": np.arange(n),
            "part": [parts[i // 2 % len(parts)] for i in range(n)],
        }
    )


def drawn_scores(n: int = 60, *, seed: int = 0) -> np.ndarray:
    labels = np.tile([0, 1], n // 2)
    return np.clip(0.3 * labels + np.random.default_rng(seed).uniform(0.1, 0.6, n), 0, 1)


def write_folds(folder: Path, split: pd.DataFrame, *, n_repeats: int) -> np.ndarray:
    """Write each round's scores, drawn anew; return the mean of what each image got as a test."""
    n = len(split)
    parts = make_folds(
        split["label"].to_numpy(), split["group"].to_numpy(), n_folds=3, n_repeats=n_repeats, seed=0
    )
    sums = np.zeros(n)
    for number, column in enumerate(parts.T, start=1):
        scores = drawn_scores(n, seed=number)
        sums[column == "test"] += scores[column == "test"]
        table = split.assign(part=column, score=scores)
        table.insert(0, "row", np.arange(n))
        (folder / f"fold-{number}").mkdir()
        table[column != "train"].sample(frac=1, random_state=0).to_csv(
            folder / f"fold-{number}" / "scores.csv", index=False
        )
    return sums / n_repeats


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_every_image_gets_the_mean_of_its_own_test_scores(tmp_path: Path, n_repeats: int) -> None:
    split = drawn_split(parts=("train", "val"))
    expected = write_folds(tmp_path, split, n_repeats=n_repeats)
    predictions = predict_out_of_fold(
        split, tmp_path, n_folds=3, n_repeats=n_repeats, n_measured=n_repeats, min_sensitivity=0.9
    )
    assert predictions.scored.scores == pytest.approx(expected)
    assert len(predictions.scored) == len(predictions.table) == 60  # not multiplied by the repeats
    assert predictions.scored.folds is not None
    assert set(predictions.scored.folds) == {1, 2, 3}
    assert len(predictions.rules) == 3 * n_repeats
    assert predictions.scored.by_repeat is not None
    assert predictions.scored.by_repeat.shape == (n_repeats, 60)
    assert (predictions.scored.by_repeat > 0).all()  # each repeat scores every image
    assert predictions.scored.by_repeat.mean(axis=0) == pytest.approx(expected)
    assert (predictions.table["part"] == "oof").all()


def test_repeats_beyond_those_averaged_give_their_own_scores_alone(tmp_path: Path) -> None:
    split = drawn_split(parts=("train", "val"))
    write_folds(tmp_path, split, n_repeats=3)
    one, three = (
        predict_out_of_fold(
            split, tmp_path, n_folds=3, n_repeats=1, n_measured=n_measured, min_sensitivity=0.9
        )
        for n_measured in (1, 3)
    )
    assert three.table.equals(one.table)
    assert three.rules == one.rules
    assert three.scored.by_repeat is not None
    assert three.scored.by_repeat.shape == (3, 60)
    assert three.scored.by_repeat[0] == pytest.approx(one.scored.scores)
    assert (three.scored.by_repeat[1] != one.scored.scores).any()


def test_cutoff_of_a_fold_comes_from_its_inner_validation_images(tmp_path: Path) -> None:
    split = drawn_split(parts=("train", "val"))
    write_folds(tmp_path, split, n_repeats=1)
    predictions = predict_out_of_fold(
        split, tmp_path, n_folds=3, n_repeats=1, n_measured=1, min_sensitivity=0.9
    )
    for number in (1, 2, 3):
        table = pd.read_csv(tmp_path / f"fold-{number}" / "scores.csv")
        val = table[table["part"] == "val"]
        expected = choose_threshold(
            val["label"].to_numpy(), val["score"].to_numpy(), min_sensitivity=0.9
        )
        assert predictions.scored.cutoffs is not None
        assert (predictions.scored.cutoffs[predictions.scored.folds == number] == expected).all()
    cutoffs = [each.cutoff for each in predictions.rules]
    assert predictions.rule_for_new_images is not None
    assert predictions.rule_for_new_images.cutoff == np.median(cutoffs)


def test_test_part_is_judged_by_what_validation_images_fixed() -> None:
    split, scores = drawn_split(), drawn_scores()
    predictions = predict_part(split, scores, basis="test", min_sensitivity=0.9)
    assert (split["part"].to_numpy()[predictions.rows] == "test").all()
    val = (split["part"] == "val").to_numpy()
    expected = choose_threshold(split["label"].to_numpy()[val], scores[val], min_sensitivity=0.9)
    assert [each.cutoff for each in predictions.rules] == [expected]
    decided = predictions.table["decision"].notna()
    assert (decided == (split["part"] == "test")).all()


def test_paper_split_leaves_nothing_to_fix_a_cutoff_on() -> None:
    split = drawn_split(parts=("train", "val"))
    predictions = predict_part(split, drawn_scores(), basis="val", min_sensitivity=0.9)
    assert predictions.rules == ()
    assert predictions.rule_for_new_images is None
    assert predictions.scored.cutoffs is None
    assert predictions.table["decision"].isna().all()


def test_basis_is_the_best_there_is() -> None:
    assert choose_basis(drawn_split(), n_folds=0) == "test"
    assert choose_basis(drawn_split(parts=("train", "val")), n_folds=0) == "val"
    assert choose_basis(drawn_split(parts=("train", "val")), n_folds=5) == "oof"
