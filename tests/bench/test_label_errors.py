from pathlib import Path

import numpy as np
import pytest

from bench.label_errors import (
    RESULTS,
    WRONG_FRACTION,
    as_table,
    choose_wrong,
    main,
    recall_if_normal,
    summarise,
    try_set,
)
from bench.phantom_pool import Pool
from cxr_tasks.volume.files import read_json

DOC = Path(__file__).parents[2] / "docs" / "labels.md"


def pool(apart: float) -> Pool:
    """Draw features that tell the classes apart more or less; a patient has two images."""
    rng = np.random.default_rng(1)
    labels = np.arange(400) % 4 // 2
    features = rng.normal(size=(400, 6)) + apart * (2 * labels - 1)[:, None]
    return Pool(features, features @ features.T, labels, np.arange(400) // 2)


def test_wrong_labels_are_of_whole_patients_and_about_a_twentieth() -> None:
    patients = np.repeat(np.arange(60), 2)
    wrong = choose_wrong(patients, np.random.default_rng(3))
    assert wrong.sum() == np.ceil(WRONG_FRACTION * 120)
    assert np.array_equal(wrong[::2], wrong[1::2])


def test_a_classifier_that_is_never_wrong_finds_all_and_one_that_guesses_few() -> None:
    found = {}
    for name, apart in (("sure", 4.0), ("guessing", 0.0)):
        rngs = np.random.default_rng(2).spawn(8)
        found[name] = summarise([try_set(pool(apart), 160, rng) for rng in rngs], seed=1)
    assert found["sure"]["recall_in_top_tenth"]["mean"] == 1
    assert found["sure"]["suspects_that_are_wrong_fraction"] == 1
    assert found["sure"]["suspects_of_a_clean_set_fraction"]["mean"] == 0
    assert found["guessing"]["recall_in_top_tenth"]["mean"] < 0.4
    assert found["guessing"]["suspects_of_a_clean_set_fraction"]["mean"] > 0.2


def test_recall_worked_out_is_that_of_drawn_scores() -> None:
    rng = np.random.default_rng(4)
    wrong = np.arange(200_000) % 20 == 0
    margins = rng.normal(size=200_000) + np.where(wrong, -1, 1) * 1.645 / np.sqrt(2)  # AUC 0.95
    top = margins <= np.quantile(margins, 0.1)
    assert recall_if_normal(0.95) == pytest.approx(top[wrong].mean(), abs=0.01)


@pytest.mark.parametrize("wrong", [["--sets", "0"], ["--images", "10"]])
def test_wrong_numbers_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert wrong[1] in capsys.readouterr().err


def test_the_page_has_the_table_that_was_measured() -> None:
    text = DOC.read_text(encoding="utf-8")
    results = read_json(RESULTS)
    assert as_table(results) in text
    for auc, recall in results["recall_in_top_tenth_if_normal"].items():
        assert f"| {auc:<28} | {recall:>29.0%} |" in text
