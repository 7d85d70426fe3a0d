"""Two data sets compared: what has moved is found, what has not is not, what is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from bench.planted import Planted, draw_files
from cxr_tasks.audit.drift import drift_finding
from cxr_tasks.audit.drift_comparison import Features, TwoDatasets, compare_datasets
from cxr_tasks.audit.drift_record import DriftCompared
from cxr_tasks.data.dataset import Dataset, DatasetRecord
from tests.audit.planted_dataset import ingest_planted
from tests.champion import planted_drift
from tests.made_facts import filled

N_PHANTOMS = 100
LONGEST_MESSAGE = 600  # the page shows no more of a finding


def drawn(
    n: int = 120, *, first: int = 0, bright: float = 0, n_views: int = 1, prefix: str = "p"
) -> Dataset:
    """Draw small images of two classes in turn, `n_views` of each patient; kept in memory."""
    rng = np.random.default_rng(first)
    numbers = first + np.arange(n)
    patients = numbers // (2 * n_views) * 2 + numbers % 2
    level = np.array([np.random.default_rng([int(p), 1]).normal(120, 12) for p in patients])
    images = np.clip(level[:, None, None] + bright + rng.normal(0, 8, (n, 16, 16)), 0, 255)
    index = pd.DataFrame(
        {
            "path": [f"{number}.png" for number in numbers],
            "label": numbers % 2,
            "patient": [f"{prefix}{patient}" for patient in patients],
            "width": 300 + patients % 7,
            "height": 300,
            "bytes": 40_000 + 100 * (patients % 31),
            "sha256": [f"{number:064x}" for number in numbers],
            "phash": [
                f"{int(np.random.default_rng([int(number), 2]).integers(2**63)):016x}"
                for number in numbers
            ],
        }
    )
    pixels = np.repeat(images.astype(np.uint8)[..., None], 3, axis=-1)
    return Dataset(index, pixels, f"{first}-{n}-{bright}", filled(DatasetRecord))


def compared(old: Dataset, new: Dataset, features: Features | None = None) -> DriftCompared:
    return compare_datasets(old, new, champion="0001-a", features=features, seed=0)


def moved(facts: DriftCompared) -> set[str]:
    return {check.figure for check in facts.checks if check.moved}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return ingested(draw_files(N_PHANTOMS, seed=1), tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def new_files() -> dict[str, bytes]:
    return draw_files(N_PHANTOMS, seed=2)


def ingested(files: Any, folder: Path) -> Dataset:
    return ingest_planted(Planted(files), folder, seed=0)[0]


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (planted_drift.nothing, set()),
        (planted_drift.brighter, {"intensity_mean"}),
        (planted_drift.larger, {"width", "height", "file_size"}),
        pytest.param(planted_drift.compressed, {"file_size"}, marks=pytest.mark.slow),
    ],
)
def test_what_is_planted_is_found_and_nothing_else(
    plant: Any, found: set[str], old: Dataset, new_files: dict[str, bytes], tmp_path: Path
) -> None:
    new = ingested(plant(new_files), tmp_path)
    facts = compared(old, new)
    assert moved(facts) == found
    assert facts.moved == bool(found)
    assert len(facts.checks) == 1 + 2 * 5


def test_marker_moves_features_alone(
    old: Dataset, new_files: dict[str, bytes], tmp_path: Path
) -> None:
    new = ingested(planted_drift.marked(new_files), tmp_path)
    # the brightest pixel of each of 8 x 8 fields, as a network's maps might have it
    fields = [np.asarray(each.images)[..., 0].reshape(-1, 8, 28, 8, 28) for each in (old, new)]
    seen = [each.max(axis=(2, 4)).reshape(-1, 64) / 255.0 for each in fields]
    assert moved(compared(old, new, Features(*seen))) == {"features"}


# The comparison.


def test_only_new_images_are_compared_with_all_of_the_champions() -> None:
    facts = compared(drawn(120), drawn(100, first=60))
    assert (facts.n_shared, facts.n_new, facts.n_gone) == (60, 40, 60)
    for check in facts.checks[1:]:
        assert check.champion
        assert check.run
        assert (check.champion.n_images, check.run.n_images) == (60, 20)
    balance = facts.class_balance
    assert (balance.champion.n_images, balance.run.n_images) == (120, 100)
    low, high = balance.run.interval or (1, 0)
    assert low < balance.run.value == 0.5 < high


def test_without_new_images_only_the_class_balance_is_left() -> None:
    known = drawn(120)
    less = Dataset(known.index[:80], known.images[:80], "less", filled(DatasetRecord))
    facts = compared(known, less)
    assert [check.figure for check in facts.checks] == ["class_balance"]
    assert (facts.n_new, facts.n_gone) == (0, 40)
    finding = drift_finding(facts)
    assert finding.severity == "info"
    assert "No image is new: all 80 are among the champion's 120" in finding.message


def test_class_balance_alone_moves_nothing_else() -> None:
    known, new = drawn(240), drawn(240, first=1000)
    # the classes differ in every figure, so that pooled they would move with the balance
    for each in (known, new):
        positive = each.index["label"] == 1
        each.index.loc[positive, ["width", "height"]] += 50
        each.index.loc[positive, "bytes"] += 20_000
    rows = np.flatnonzero((new.index["label"] == 1) | (new.index.index < 80))
    of_rows = new.index.iloc[rows].reset_index()
    uneven = Dataset(of_rows, new.images[rows], "uneven", filled(DatasetRecord))
    assert moved(compared(known, uneven)) == {"class_balance"}


def test_class_that_moved_is_named_and_the_other_is_not() -> None:
    new = drawn(120, first=1000)
    new.index.loc[new.index["label"] == 1, "height"] += 30
    facts = compared(drawn(120), new)
    found = [(check.figure, check.class_name) for check in facts.checks if check.moved]
    assert found == [("height", "COVID-19")]


def test_trifle_is_no_drift_however_sure() -> None:
    known, new = drawn(1600), drawn(1600, first=5000)
    new.index["bytes"] += 400  # of 3,100 that they spread over: certain, and small
    facts = compared(known, new)
    of_bytes = [check for check in facts.checks if check.figure == "file_size"]
    assert max(check.p_holm for check in of_bytes) < 0.01
    assert moved(facts) == set()


def test_class_with_too_few_patients_is_left_out() -> None:
    new = drawn(60, first=1000)
    kept = np.flatnonzero((new.index["label"] == 0) | (new.index.index < 8))
    few = Dataset(
        new.index.iloc[kept].reset_index(), new.images[kept], "few", filled(DatasetRecord)
    )
    facts = compared(drawn(120), few)
    assert {check.class_name for check in facts.checks} == {None, "normal"}
    sentence, _ = facts.left_out
    assert "Too few COVID-19 images to compare: of 4 patients" in sentence


def test_patients_are_dealt_out_whole_and_on_each_side_by_themselves() -> None:
    both = TwoDatasets.of(drawn(48, n_views=3), drawn(48, first=24, n_views=3))
    table = pd.DataFrame(
        {"unit": both.units, "group": both.groups, "side": both.sides, "row": both.index["patient"]}
    )
    assert table["unit"].nunique() == table.groupby(["row", "side"]).ngroups == 32
    assert len(table[["unit", "row", "side"]].drop_duplicates()) == 32
    assert table["group"].nunique() == 24  # eight of the patients are in both


def test_few_patients_with_many_images_do_not_raise_an_alarm() -> None:
    naive = []
    for seed in range(5):
        known, new = (
            drawn(160, first=4000 * seed, n_views=8),
            drawn(160, first=4000 * seed + 2000, n_views=8),
        )
        assert moved(compared(known, new)) == set()
        grey = [each.images[each.index["label"] == 1].mean(axis=(1, 2, 3)) for each in (known, new)]
        naive.append(ks_2samp(*grey).pvalue)
    assert min(naive) < 1e-6  # what images taken as independent would say


def test_of_many_images_whole_groups_are_drawn() -> None:
    both = TwoDatasets.of(drawn(400, n_views=3), drawn(400, first=1200, n_views=3))
    rows = both.rows_of(1, seed=0, max_images=30)
    for side in (0, 1):
        chosen = rows[both.sides[rows] == side]
        assert 30 <= len(chosen) < 33
        of_class = (both.index["label"] == 1).to_numpy() & (both.sides == side)
        for group in np.unique(both.groups[chosen]):
            assert set(np.flatnonzero(of_class & (both.groups == group))) <= set(chosen)
    assert not np.array_equal(rows, both.rows_of(1, seed=1, max_images=30))


def test_warning_names_what_moved_with_numbers_and_what_it_does_not_mean() -> None:
    new = drawn(120, first=1000, bright=30)
    new.index["width"] += 40
    new.index["height"] += 40
    new.index["bytes"] *= 3
    blind = np.random.default_rng(0).normal(0, 1, (120, 40))
    features = Features(blind, blind + 1)
    version = "0012-" + "long-name-" * 4
    facts = compare_datasets(drawn(120), new, champion=version, features=features, seed=0)
    finding = drift_finding(facts)
    n_moved = sum(check.moved for check in facts.checks)
    assert (finding.severity, finding.value) == ("warning", n_moved)
    assert "width of COVID-19 images (median 343 px, there 303; KS 1.00)" in finding.message
    assert f"and {n_moved - 3} more" in finding.message
    assert "nothing about this run's scores, or about which model is better" in finding.message
    assert len(finding.message) < LONGEST_MESSAGE
