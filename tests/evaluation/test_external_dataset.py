from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.dataset import Dataset, DatasetRecord
from cxr_tasks.evaluation.comparison_record import DecisionRule, ExternalFacts
from cxr_tasks.evaluation.external_dataset import measure_external
from cxr_tasks.settings.config import make_config
from tests.made_facts import filled


def drawn_dataset(n: int, *, seed: int) -> Dataset:
    """Return images of noise, no two alike, two of each patient."""
    rng = np.random.default_rng(seed)
    index = pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "label": [i // 2 % 2 for i in range(n)],
            "patient": [f"{seed}-{i // 2}" for i in range(n)],
            "sha256": [f"{seed}-{i}" for i in range(n)],
            "phash": [f"{value:016x}" for value in rng.integers(0, 2**63, n)],
        }
    )
    images = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
    record = filled(DatasetRecord, description="drawn images", synthetic=True)
    return Dataset(fingerprint=f"drawn-{seed}", index=index, images=images, record=record)


def measured(external: Dataset, internal: Dataset, *, strength: float = 1.0) -> ExternalFacts:
    def score(_file: Path, images: Any, rows: np.ndarray) -> np.ndarray:
        assert images is external.images
        labels = external.index["label"].to_numpy()[rows]
        noise = np.random.default_rng(0).normal(0, 1, len(external.index))[rows]
        return np.asarray(1 / (1 + np.exp(-(strength * (2 * labels - 1) + noise))))

    models = {"vanilla_cnn": (Path("model.keras"), DecisionRule(temperature=2.0, cutoff=0.4))}
    return measure_external(external, internal, models, config=make_config({}), score=score)


def test_saved_model_is_measured_with_what_was_fitted_for_it() -> None:
    found = measured(drawn_dataset(40, seed=1), drawn_dataset(20, seed=2))
    assert (found.n_images, found.n_groups, found.n_excluded_copies) == (40, 20, 0)
    facts = found.variants["vanilla_cnn"]
    assert facts.operating_point
    assert facts.operating_point.cutoff.median == 0.4
    assert facts.calibration.temperature
    assert facts.calibration.temperature.median == 2.0
    area = facts.metrics.roc_auc
    assert area.value
    assert area.interval
    assert area.interval[0] < area.value < area.interval[1]


def test_copies_of_internal_images_are_left_out_with_their_patients() -> None:
    internal, external = drawn_dataset(20, seed=2), drawn_dataset(40, seed=1)
    external.index.loc[7, ["sha256", "phash"]] = internal.index.loc[3, ["sha256", "phash"]]
    external.images[7] = internal.images[3]
    found = measured(external, internal)
    # image 6 shows the same patient as image 7
    assert (found.n_images, found.n_excluded_copies) == (38, 2)


def test_one_class_left_is_told_and_not_measured() -> None:
    external = drawn_dataset(8, seed=1)
    external.index["label"] = 1
    found = measured(external, drawn_dataset(20, seed=2))
    assert found.variants == {}
    assert (found.n_covid, found.n_normal) == (8, 0)


def test_model_of_a_paper_split_has_no_cutoff_of_its_own() -> None:
    external, internal = drawn_dataset(40, seed=1), drawn_dataset(20, seed=2)
    found = measure_external(
        external,
        internal,
        {"vanilla_cnn": (Path("m"), None)},
        config=make_config({}),
        score=lambda _file, _images, rows: np.linspace(0, 1, len(rows)),
    )
    facts = found.variants["vanilla_cnn"]
    assert facts.operating_point is None
    assert facts.metrics.accuracy.value == pytest.approx(0.5, abs=0.2)
