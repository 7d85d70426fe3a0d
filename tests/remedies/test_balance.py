from collections import Counter

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.dataset import INDEX_COLUMNS, IndexedImages
from cxr_tasks.errors import DataError
from cxr_tasks.remedies.balance import choose_balanced, match_groups


def images_of(widths: list[list[int]]) -> IndexedImages:
    """One image a patient; for each class, normal first, the widths of its files."""
    rows = [{"label": label, "width": width} for label, each in enumerate(widths) for width in each]
    n = len(rows)
    index = pd.DataFrame(rows).assign(**{name: "" for name in INDEX_COLUMNS if name not in rows[0]})
    index = index.assign(height=500, bytes=900, jpeg_quantization=0.0, mode="L", format="PNG")
    index["patient"] = [f"p{number}" for number in range(n)]
    index["sha256"] = [f"{number:064x}" for number in range(n)]
    rng = np.random.default_rng(0)
    index["phash"] = [f"{int(value):016x}" for value in rng.integers(0, 2**63, n)]
    images = np.broadcast_to(np.uint8(0), (n, 224, 224, 3))
    return IndexedImages(index, images)


def test_balanced_classes_have_the_same_files() -> None:
    common, few = [400] * 30 + [500] * 30, [600] * 40
    dataset = images_of([common, [*common[:25], *common[30:55], *few]])
    balance = choose_balanced(dataset, seed=0)
    kept = dataset.index.iloc[balance.rows]
    assert balance.telling == ["file metadata"]
    assert balance.n_pairs == len(kept) / 2 >= 40
    normal, covid = (Counter(kept.loc[kept["label"] == label, "width"]) for label in (0, 1))
    assert set(covid) == {400, 500}
    assert abs(normal[400] - covid[400]) <= 3  # scores of five folds are not quite equal


@pytest.mark.parametrize(
    ("widths", "reason"),
    [
        ([[400] * 40, [500] * 40], "file metadata, 0 pairs of patients are alike, of at most 40"),
        ([[400, 500] * 20, [400, 500] * 20], "neither file metadata nor acquisition tells"),
        ([[400] * 40, [500] * 3], "a class has 3 patients"),
    ],
)
def test_what_cannot_be_balanced_is_refused(widths: list[list[int]], reason: str) -> None:
    with pytest.raises(DataError, match="cannot be balanced") as caught:
        choose_balanced(images_of(widths), seed=0)
    assert reason in caught.value.problem


def test_pairs_are_near_have_as_many_images_and_nobody_is_taken_twice() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 4, 80)
    groups = np.repeat(np.arange(80), sizes)
    labels = (groups % 2).astype(np.int64)
    scores = rng.normal(size=80)[groups] + 0.5 * labels
    pairs = match_groups(labels, groups, scores, seed=0)
    chosen = [group for pair in pairs for group in pair]
    assert len(chosen) == len(set(chosen)) > 20
    for first, second in pairs:
        assert sizes[first] == sizes[second]
        assert {first % 2, second % 2} == {0, 1}
        distance = abs(scores[groups == first][0] - scores[groups == second][0])
        assert distance < 0.3
    assert pairs == match_groups(labels, groups, scores, seed=0)
