import numpy as np
import pytest

from cxr_tasks.remedies.change import ToldTwice, TwiceScored, judge
from cxr_tasks.remedies.change_sentences import OTHER
from cxr_tasks.remedies.remedies_record import RemedyChange

N = 120
LABELS = np.repeat([0, 1], N // 2)


def scores(strength: float, seed: int) -> np.ndarray:
    return strength * LABELS + np.random.default_rng(seed).normal(size=N)


def change(
    control: tuple[np.ndarray, np.ndarray], model: tuple[np.ndarray, np.ndarray], *, above: bool
) -> RemedyChange:
    groups = np.arange(N)
    told = ToldTwice("file metadata", TwiceScored(LABELS, groups, *control), above)
    scored = TwiceScored(LABELS, groups, *model)
    return judge(
        {"metadata": told},
        {"mobilenetv2_frozen": ("MobileNetV2", scored)},
        judged="mobilenetv2_frozen",
        newly_above_chance=[],
        seed=0,
    )


TELLS, SILENT = scores(3, 1), scores(0, 2)
SURE, LESS, CHANCE = scores(3, 3), scores(1.2, 4), scores(0, 5)


def test_useful_where_a_control_is_silent_now_and_the_model_is_above_chance() -> None:
    found = change((TELLS, SILENT), (SURE, LESS), above=False)
    assert found.useful
    assert found.controls["metadata"].settled
    share = found.variants["mobilenetv2_frozen"].survived_fraction
    assert share is not None
    assert share.value == pytest.approx(0.55, abs=0.2)
    assert found.sentence.startswith("Useful. File metadata (AUC 0.9")
    assert found.sentence.endswith(OTHER)


@pytest.mark.parametrize(
    ("control", "model", "above", "said"),
    [
        ((TELLS, TELLS), (SURE, SURE), True, "File metadata (AUC 0.9"),
        # not above chance by another draw, but not fallen
        ((TELLS, TELLS), (SURE, SURE), False, "File metadata is not shown to have fallen."),
        ((TELLS, SILENT), (SURE, LESS), True, "is still above chance."),
        ((TELLS, SILENT), (SURE, CHANCE), False, "is not above chance any more."),
    ],
)
def test_not_useful(
    control: tuple[np.ndarray, np.ndarray],
    model: tuple[np.ndarray, np.ndarray],
    above: bool,
    said: str,
) -> None:
    found = change(control, model, above=above)
    assert not found.useful
    assert found.sentence.startswith("Not shown to be useful.")
    assert said in found.sentence


def test_useful_in_part_where_another_control_tells_still() -> None:
    groups = np.arange(N)
    told = {
        "metadata": ToldTwice("file metadata", TwiceScored(LABELS, groups, TELLS, SILENT), False),
        "outside_lungs": ToldTwice("the rest", TwiceScored(LABELS, groups, TELLS, TELLS), True),
    }
    model = {"x": ("MobileNetV2", TwiceScored(LABELS, groups, SURE, LESS))}
    found = judge(told, model, judged="x", newly_above_chance=[], seed=0)
    assert (found.useful, found.usefulness) == (True, "in part")
    assert found.sentence.startswith("Useful in part only: other controls still tell")
    assert "The rest (AUC 0.9" in found.sentence


def test_files_that_were_made_the_same_show_no_use() -> None:
    groups = np.arange(N)
    scored = TwiceScored(LABELS, groups, TELLS, np.zeros(N))
    told = {"metadata": ToldTwice("file metadata", scored, False, made_equal=True)}
    model = {"x": ("MobileNetV2", TwiceScored(LABELS, groups, SURE, LESS))}
    found = judge(told, model, judged="x", newly_above_chance=[], seed=0)
    assert (found.useful, found.usefulness) == (False, "not shown")
    assert "after) is the same for all images now, by construction" in found.sentence
    assert "no longer shown to tell" not in found.sentence


def test_of_a_model_at_chance_nothing_survives() -> None:
    found = change((TELLS, SILENT), (CHANCE, SURE), above=False)
    assert found.variants["mobilenetv2_frozen"].survived_fraction is None


def test_a_fall_within_groups_of_many_images_is_not_certain() -> None:
    """Two patients a class: their images agree, and resampling images would be sure."""
    groups = np.repeat([0, 1, 2, 3], N // 4)
    first = np.where(LABELS == 1, 1.0, 0.0) + 0.001 * np.arange(N)
    after = first.copy()
    after[groups == 2] = -1.0
    scored = TwiceScored(LABELS, groups, first, after)
    told = {"metadata": ToldTwice("file metadata", scored, above_chance_after=False)}
    found = judge(told, {}, judged=None, newly_above_chance=[], seed=0)
    assert not found.controls["metadata"].settled
    assert not found.useful
