"""Drift of a run's data against the champion's: what is found, what is not, what is left out."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from bench.audit_rates import ingest_planted
from bench.planted import Planted, draw_files
from cxr_tasks.audit.audit import make_audit
from cxr_tasks.audit.masked import MaskedFeatures
from cxr_tasks.champion.pointer import serving
from cxr_tasks.config import make_config
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.drift import two_datasets
from cxr_tasks.drift.comparison import Features, compare_datasets
from cxr_tasks.drift.finding import drift_finding
from cxr_tasks.drift.measure import measure_drift
from cxr_tasks.drift.shift import Sides, distribution_shift, feature_shift, share_shift
from cxr_tasks.drift.two_datasets import lay_together
from cxr_tasks.paths import Home
from cxr_tasks.runs import open_run
from cxr_tasks.training.weights import prepare_weights
from tests.champion import planted_drift
from tests.champion.drawn_champion import draw_champion
from tests.drawn_run import FINGERPRINT, Drawing, draw_run

N_PHANTOMS = 100
OTHER = "d1" * 32
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
    return Dataset(f"{first}-{n}-{bright}", index, pixels, {})


def moved(facts: dict[str, Any]) -> set[str]:
    return {check["figure"] for check in facts["checks"] if check["moved"]}


# What is found in files that are ingested.


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
        (planted_drift.compressed, {"file_size"}),
    ],
)
def test_what_is_planted_is_found_and_nothing_else(
    plant: Any, found: set[str], old: Dataset, new_files: dict[str, bytes], tmp_path: Path
) -> None:
    new = ingested(plant(new_files), tmp_path)
    facts = compare_datasets(old, new, features=None, seed=0)
    assert moved(facts) == found
    assert facts["moved"] == bool(found)
    assert len(facts["checks"]) == 1 + 2 * 5


def test_marker_moves_features_alone(
    old: Dataset, new_files: dict[str, bytes], tmp_path: Path
) -> None:
    new = ingested(planted_drift.marked(new_files), tmp_path)
    # the brightest pixel of each of 8 x 8 fields, as a network's maps might have it
    fields = [np.asarray(each.images)[..., 0].reshape(-1, 8, 28, 8, 28) for each in (old, new)]
    seen = [each.max(axis=(2, 4)).reshape(-1, 64) / 255.0 for each in fields]
    assert moved(compare_datasets(old, new, features=Features(*seen), seed=0)) == {"features"}


# The comparison.


def test_only_new_images_are_compared_with_all_of_the_champions() -> None:
    facts = compare_datasets(drawn(120), drawn(100, first=60), features=None, seed=0)
    assert (facts["n_shared"], facts["n_new"], facts["n_gone"]) == (60, 40, 60)
    for check in facts["checks"][1:]:
        assert (check["champion"]["n_images"], check["run"]["n_images"]) == (60, 20)
    balance = facts["class_balance"]
    assert (balance["champion"]["n_images"], balance["run"]["n_images"]) == (120, 100)
    low, high = balance["run"]["interval"]
    assert low < balance["run"]["value"] == 0.5 < high


def test_without_new_images_only_the_class_balance_is_left() -> None:
    known = drawn(120)
    less = Dataset("less", known.index[:80], known.images[:80], {})
    facts = compare_datasets(known, less, features=None, seed=0)
    assert [check["figure"] for check in facts["checks"]] == ["class_balance"]
    assert (facts["n_new"], facts["n_gone"]) == (0, 40)
    told = drift_finding({"status": "compared", "champion": "0001-a", **facts})
    assert told["severity"] == "info"
    assert "No image is new: all 80 are among the champion's 120" in told["message"]


def test_class_balance_alone_moves_nothing_else() -> None:
    known, new = drawn(240), drawn(240, first=1000)
    # the classes differ in every figure, so that pooled they would move with the balance
    for each in (known, new):
        positive = each.index["label"] == 1
        each.index.loc[positive, ["width", "height"]] += 50
        each.index.loc[positive, "bytes"] += 20_000
    rows = np.flatnonzero((new.index["label"] == 1) | (new.index.index < 80))
    uneven = Dataset("uneven", new.index.iloc[rows].reset_index(), new.images[rows], {})
    assert moved(compare_datasets(known, uneven, features=None, seed=0)) == {"class_balance"}


def test_class_that_moved_is_named_and_the_other_is_not() -> None:
    new = drawn(120, first=1000)
    new.index.loc[new.index["label"] == 1, "height"] += 30
    facts = compare_datasets(drawn(120), new, features=None, seed=0)
    found = [(check["figure"], check["class"]) for check in facts["checks"] if check["moved"]]
    assert found == [("height", "COVID-19")]


def test_trifle_is_no_drift_however_sure() -> None:
    known, new = drawn(1600), drawn(1600, first=5000)
    new.index["bytes"] += 400  # of 3,100 that they spread over: certain, and small
    facts = compare_datasets(known, new, features=None, seed=0)
    of_bytes = [check for check in facts["checks"] if check["figure"] == "file_size"]
    assert max(check["p_holm"] for check in of_bytes) < 0.01
    assert moved(facts) == set()


def test_class_with_too_few_patients_is_left_out() -> None:
    new = drawn(60, first=1000)
    kept = np.flatnonzero((new.index["label"] == 0) | (new.index.index < 8))
    few = Dataset("few", new.index.iloc[kept].reset_index(), new.images[kept], {})
    facts = compare_datasets(drawn(120), few, features=None, seed=0)
    assert {check["class"] for check in facts["checks"]} == {None, "normal"}
    [sentence] = facts["left_out"]
    assert "Too few COVID-19 images to compare: of 4 patients" in sentence


def test_patients_are_dealt_out_whole_and_on_each_side_by_themselves() -> None:
    both = lay_together(drawn(48, n_views=3), drawn(48, first=24, n_views=3))
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
        assert moved(compare_datasets(known, new, features=None, seed=0)) == set()
        grey = [each.images[each.index["label"] == 1].mean(axis=(1, 2, 3)) for each in (known, new)]
        naive.append(ks_2samp(*grey).pvalue)
    assert min(naive) < 1e-6  # what images taken as independent would say


def test_of_many_images_whole_groups_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_datasets, "MAX_IMAGES", 30)
    both = lay_together(drawn(400, n_views=3), drawn(400, first=1200, n_views=3))
    rows = both.rows_of(1, seed=0)
    for side in (0, 1):
        chosen = rows[both.sides[rows] == side]
        assert 30 <= len(chosen) < 33
        of_class = (both.index["label"] == 1).to_numpy() & (both.sides == side)
        for group in np.unique(both.groups[chosen]):
            assert set(np.flatnonzero(of_class & (both.groups == group))) <= set(chosen)
    assert not np.array_equal(rows, both.rows_of(1, seed=1))


# The statistics.


def sides_of(n: int = 200, *, n_views: int = 1, seed: int = 0) -> Sides:
    units = np.arange(n) // n_views
    sides = np.random.default_rng(seed).permutation(np.arange(units.max() + 1) % 2)[units]
    return Sides(sides.astype(np.int64), units.astype(np.int64), seed=seed)


def test_gap_between_distributions_is_the_kolmogorov_smirnov_statistic() -> None:
    sides = sides_of()
    values = np.random.default_rng(1).integers(0, 12, 200) + 4.0 * sides.sides
    shift = distribution_shift(values, sides)
    expected = ks_2samp(values[sides.sides == 1], values[sides.sides == 0]).statistic
    assert shift.effect == pytest.approx(expected)
    assert shift.p_value < 0.01
    assert distribution_shift(np.ones(200), sides).p_value == 1


def test_shares_differ_by_their_difference() -> None:
    sides = sides_of()
    positive = np.where(sides.sides == 1, np.arange(200) % 5 > 0, np.arange(200) % 2).astype(int)
    shift = share_shift(positive, sides)
    expected = abs(positive[sides.sides == 1].mean() - positive[sides.sides == 0].mean())
    assert shift.effect == pytest.approx(expected)
    assert shift.p_value < 0.01


def test_images_of_one_patient_do_not_pass_for_many() -> None:
    # eight images a patient, all alike: a test that took them as independent would cry wolf
    false_alarms = np.zeros(3)
    for seed in range(25):
        sides = sides_of(160, n_views=8, seed=seed)
        looks = np.random.default_rng(seed).normal(0, 1, (20, 4))[sides.units]
        shifts = (
            distribution_shift(looks[:, 0], sides),
            share_shift((looks[:, 1] > 0).astype(np.int64), sides),
            feature_shift(looks, sides, sides.units),
        )
        false_alarms += [shift.p_value < 0.01 for shift in shifts]
    assert (false_alarms <= 2).all()


def test_features_that_moved_are_told_apart() -> None:
    sides = sides_of(200, n_views=2)
    features = np.random.default_rng(0).normal(0, 1, (200, 30))
    assert feature_shift(features, sides, sides.units).p_value > 0.01
    features[:, 4] += 1.5 * sides.sides
    shift = feature_shift(features, sides, sides.units)
    assert 0.7 < shift.effect <= roc_auc_score(sides.sides, features[:, 4]) + 0.05
    assert shift.p_value < 0.01


def test_patient_on_both_sides_is_not_learned_by_heart() -> None:
    # each new image looks as an old one of the same patient does: nothing has moved
    n = 120
    sides = Sides(np.repeat([0, 1], n), np.arange(2 * n), seed=0)
    of_patient = np.random.default_rng(0).normal(0, 1, (n, 200))
    groups = np.tile(np.arange(n), 2)
    apart = feature_shift(np.tile(of_patient, (2, 1)), sides, sides.units).effect
    together = feature_shift(np.tile(of_patient, (2, 1)), sides, groups).effect
    assert apart < 0.1  # the ridge takes each new image for the old one that it has seen
    assert together == pytest.approx(0.5, abs=0.06)


# In a run.


@pytest.fixture(scope="module")
def drawn_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a champion, and a run on other data."""
    home = draw_champion(tmp_path_factory.mktemp("home"), n_images=80)
    draw_run(home.root, Drawing(n_images=100, first=400, fingerprint=OTHER), key="new")
    return home


@pytest.fixture
def home(drawn_home: Home, tmp_path: Path) -> Home:
    shutil.copytree(drawn_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


def measured(
    home: Home,
    *,
    champion: str | None,
    dataset: str = OTHER,
    weights: dict[str, str] | None = None,
    features: MaskedFeatures | None = None,
    notes: list[str] | None = None,
) -> dict[str, Any] | None:
    """Measure the drift of the drawn run, as its audit does."""
    run, config = open_run(home, "new")
    ingested = {
        "champion": champion,
        "weights": weights or {"origin": "none", "sha256": "", "file_name": ""},
    }
    return measure_drift(
        run, config, dataset=open_dataset(home, dataset), split=read_split(run.split),
        ingested=ingested, features=features, note=(notes if notes is not None else []).append,
    )  # fmt: skip


def test_without_champion_there_is_no_drift(home: Home) -> None:
    assert measured(home, champion=None) is None


def test_champions_own_data_are_the_same_data(home: Home) -> None:
    facts = measured(home, champion=serving(home), dataset=FINGERPRINT)
    assert facts is not None
    assert (facts["status"], facts["dataset"]) == ("same data", FINGERPRINT)
    told = drift_finding(facts)
    assert (told["severity"], told["check"]) == ("info", "drift")
    assert "so nothing can have moved" in told["message"]


def test_other_data_are_compared_and_json_can_say_it(home: Home) -> None:
    facts = measured(home, champion=serving(home))
    assert facts is not None
    assert (facts["status"], facts["champion"]) == ("compared", "0001-first")
    assert (facts["n_images"], facts["n_new"]) == ({"champion": 80, "run": 100}, 100)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["left_out"] == [
        "Frozen features were not compared: this run has no pre-trained weights."
    ]
    assert facts["left_out"][0] in drift_finding(facts)["message"]


def test_random_weights_are_as_good_as_none(home: Home) -> None:
    blind = np.zeros((100, 3))
    weights = {"origin": "random", "sha256": "", "file_name": ""}
    facts = measured(
        home, champion=serving(home), weights=weights, features=MaskedFeatures(blind, blind, blind)
    )
    assert facts is not None
    assert "features" not in {check["figure"] for check in facts["checks"]}
    assert "no pre-trained weights" in facts["left_out"][0]


@pytest.mark.parametrize("what", ["data set", "version", "damaged"])
def test_what_is_gone_is_told_and_ends_nothing(what: str, home: Home) -> None:
    version = serving(home)
    assert version is not None
    if what == "data set":
        shutil.rmtree(home.datasets / FINGERPRINT)
    elif what == "version":
        shutil.rmtree(home.champion / version)
    else:
        (home.datasets / FINGERPRINT / "images.npy").write_bytes(b"")
    facts = measured(home, champion=version)
    assert facts is not None
    assert facts["status"] == "not compared"
    told = drift_finding(facts)
    assert told["severity"] == "info"
    assert (FINGERPRINT if what != "version" else version) in told["message"]
    assert "run the stage audit again" in told["message"]
    assert len(told["message"]) < LONGEST_MESSAGE


def test_features_of_the_champions_images_are_this_runs_and_kept(home: Home) -> None:
    from cxr_tasks.training.keras_runtime import start_keras

    start_keras(threads=2, seed=0)
    import keras

    file = home.root / "w.weights.h5"
    keras.applications.MobileNetV2((224, 224, 3), include_top=False, weights=None).save_weights(
        file
    )
    config = make_config({"profile": "paper", "weights": str(file), "source": "phantom"})
    weights = prepare_weights(config, home, environ={}, report=lambda _: None).as_dict()
    known = np.random.default_rng(0).normal(5, 1, (100, 1280))
    notes: list[str] = []
    for _ in range(2):
        facts = measured(
            home, champion=serving(home), weights=weights, notes=notes,
            features=MaskedFeatures(known, known, known),
        )  # fmt: skip
    assert facts is not None
    of_features = [check for check in facts["checks"] if check["figure"] == "features"]
    assert [check["class"] for check in of_features] == ["COVID-19", "normal"]
    # what this run is said to have is not what the network gives
    assert min(check["effect"] for check in of_features) > 0.9
    assert facts["left_out"] == []
    assert any("computed for 80 images" in note for note in notes)
    assert any("read from the cache" in note for note in notes)


def test_audit_of_a_run_holds_drift_and_its_finding(home: Home, tmp_path: Path) -> None:
    run, config = open_run(home, "new")
    ingested = {
        "champion": serving(home), "weights": {"origin": "none", "sha256": "", "file_name": ""},
    }  # fmt: skip
    facts = make_audit(
        run, config, dataset=open_dataset(home, OTHER), split=read_split(run.split), folds=None,
        ingested=ingested, note=lambda _: None, built=tmp_path,
    )  # fmt: skip
    assert facts["drift"]["status"] == "compared"
    assert drift_finding(facts["drift"]) in facts["findings"]
    assert facts["controls"]


# In words.


def test_warning_names_what_moved_with_numbers_and_what_it_does_not_mean() -> None:
    new = drawn(120, first=1000, bright=30)
    new.index["width"] += 40
    new.index["height"] += 40
    new.index["bytes"] *= 3
    blind = np.random.default_rng(0).normal(0, 1, (120, 40))
    features = Features(blind, blind + 1)
    facts = compare_datasets(drawn(120), new, features=features, seed=0)
    told = drift_finding({"status": "compared", "champion": "0012-" + "long-name-" * 4, **facts})
    n_moved = sum(check["moved"] for check in facts["checks"])
    assert (told["severity"], told["value"]) == ("warning", n_moved)
    assert "width of COVID-19 images (median 343 px, there 303; KS 1.00)" in told["message"]
    assert f"and {n_moved - 3} more" in told["message"]
    assert "nothing about this run's scores, or about which model is better" in told["message"]
    assert len(told["message"]) < LONGEST_MESSAGE
