"""Which images of new data neither model has seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.champion.pairing import (
    PATIENT_TRAINED_CHAMPION,
    SAME_IMAGE,
    TRAINED_CHALLENGER,
    TRAINED_CHAMPION,
    UNSEEN,
    Side,
    pair_images,
)
from cxr_tasks.data.dataset import Dataset, DatasetRecord
from cxr_tasks.errors import ArtifactError
from tests.made_facts import filled


def side(
    contents: Sequence[int],
    *,
    patients: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
    parts: Sequence[str] | None = None,
) -> Side:
    """Build a model's data: equal contents are equal images; each its own group unless said."""
    n = len(contents)
    drawn = [np.random.default_rng(content) for content in contents]
    index = pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "label": [content % 2 for content in contents],
            "patient": list(patients or [""] * n),
            "sha256": [f"{content}" for content in contents],
            "phash": [f"{rng.integers(0, 2**63):016x}" for rng in drawn],
        }
    )
    images = np.stack([rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for rng in drawn])
    table = index[["path", "label"]].assign(
        group=list(groups or range(n)), part=list(parts or ["oof"] * n)
    )
    basis = "test" if parts else "oof"
    return Side(Dataset(index, images, "drawn", filled(DatasetRecord)), table, basis)


def kinds(challenger: Side, champion: Side) -> list[str]:
    return [str(kind) for kind in pair_images(challenger, champion).kinds]


def test_image_in_both_is_found_wherever_it_lies() -> None:
    found = pair_images(side([7, 8, 3]), side([3, 5, 7]))
    assert list(found.kinds) == [SAME_IMAGE, UNSEEN, SAME_IMAGE]
    assert found.champion_rows.tolist() == [2, -1, 0]


def test_other_image_of_a_patient_of_the_folds_is_left_out() -> None:
    challenger = side([1, 2, 3], patients=["anna", "bert", ""])
    champion = side([4, 5], patients=["anna", "carl"])
    assert kinds(challenger, champion) == [PATIENT_TRAINED_CHAMPION, UNSEEN, UNSEEN]


def test_copy_carries_its_patient_over() -> None:
    # image 2 is a copy of the champion's, and image 1 shows the same patient
    challenger = side([1, 2], patients=["anna", "anna"], groups=[0, 0])
    assert kinds(challenger, side([2, 9])) == [PATIENT_TRAINED_CHAMPION, SAME_IMAGE]


def test_altered_copy_is_the_same_image() -> None:
    challenger, champion = side([1, 2]), side([2, 5])
    challenger.dataset.index["sha256"] = ["other", "bytes"]
    challenger.dataset.images[1] = np.clip(challenger.dataset.images[1].astype(int) + 3, 0, 255)
    found = pair_images(challenger, champion)
    assert list(found.kinds) == [UNSEEN, SAME_IMAGE]
    assert found.champion_rows.tolist() == [-1, 0]


def test_equal_bytes_go_before_an_altered_copy() -> None:
    challenger, champion = side([2]), side([2, 2], groups=[0, 0])
    champion.dataset.index.loc[0, "sha256"] = "altered"
    assert pair_images(challenger, champion).champion_rows.tolist() == [1]


def test_groups_that_the_other_data_join_are_left_out_of_the_champions_own() -> None:
    # the champion's folds held images 1 and 2 apart; the new data say that they are one patient
    challenger = side([1, 2, 3], patients=["anna", "anna", ""], groups=[0, 0, 1])
    champion = side([1, 2, 3])
    assert kinds(challenger, champion) == [
        PATIENT_TRAINED_CHAMPION,
        PATIENT_TRAINED_CHAMPION,
        SAME_IMAGE,
    ]


def test_groups_that_the_other_data_join_are_left_out_of_the_challengers_own() -> None:
    challenger = side([1, 2, 3])
    champion = side([1, 2, 3], patients=["anna", "anna", ""], groups=[0, 0, 1])
    assert kinds(challenger, champion) == [TRAINED_CHALLENGER, TRAINED_CHALLENGER, SAME_IMAGE]


def test_group_of_a_split_holds_without_patient_or_copy() -> None:
    champion = side([1, 2, 3], groups=[0, 0, 1])
    assert pair_images(side([1, 2, 3], groups=[4, 4, 5]), champion).groups.tolist() == [0, 0, 1]
    assert kinds(side([1, 2, 3]), champion)[:2] == [TRAINED_CHALLENGER] * 2


@pytest.mark.parametrize(
    ("part", "expected"),
    [("train", TRAINED_CHAMPION), ("val", TRAINED_CHAMPION), ("test", SAME_IMAGE)],
)
def test_image_of_the_champions_data_counts_in_its_test_part_only(part: str, expected: str) -> None:
    assert kinds(side([1]), side([1, 2], parts=[part, "test"])) == [expected]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["test", "test"], UNSEEN),
        (["test", "val"], PATIENT_TRAINED_CHAMPION),
        (["train", "train"], PATIENT_TRAINED_CHAMPION),
    ],
)
def test_patient_who_only_tested_the_champion_is_unseen(parts: list[str], expected: str) -> None:
    champion = side([4, 5], patients=["anna", "anna"], parts=parts)
    assert kinds(side([1], patients=["anna"]), champion) == [expected]


def test_only_the_challengers_test_part_counts() -> None:
    challenger = side(
        [1, 2, 3, 4], patients=["", "", "", "anna"], parts=["train", "val", "test", "test"]
    )
    champion = side([8, 9])
    assert kinds(challenger, champion) == [TRAINED_CHALLENGER] * 2 + [UNSEEN] * 2


def test_test_image_whose_patient_trained_the_challenger_is_left_out() -> None:
    # the split did not know it: the champion's data say that 1 and 2 are copies of one patient's
    challenger = side([1, 2], parts=["train", "test"])
    champion = side([1, 2], patients=["anna", "anna"], groups=[0, 0])
    assert kinds(challenger, champion) == [TRAINED_CHALLENGER] * 2


@pytest.mark.parametrize("changed", [{"path": ["1.png", "0.png"]}, {"path": ["0.png", "x.png"]}])
def test_predictions_of_other_images_are_refused(changed: dict[str, Any]) -> None:
    champion = side([1, 2])
    wrong = Side(champion.dataset, champion.table.assign(**changed), "oof")
    with pytest.raises(ArtifactError, match="The predictions are not of the data set drawn"):
        pair_images(side([1, 2]), wrong)
