"""A champion that serves: a tiny real network, on synthetic images that were really ingested."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.champion.pointer import changing, serve
from cxr_tasks.champion.version_record import VersionFacts
from cxr_tasks.champion.versions import put_version
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.ingest import ingest
from cxr_tasks.settings.config import make_config
from cxr_tasks.statistics.figures_record import MetricFigures
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.paths import Home
from tests.drawn_run import drawn_once

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
THREADS = 2
TEMPERATURE, CUTOFF = 2.0, 0.4
N_IMAGES = 24


def save_brightness_model(path: Path) -> None:
    """Save a network that calls an image positive the more, the brighter it is."""
    start_keras(threads=THREADS, seed=0)
    import keras

    image = keras.Input((224, 224, 3), name="image")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    covid = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(image, covid(mean))
    covid.set_weights([np.full((3, 1), 5.0), np.array([-8.5])])
    model.save(path)


def ingest_phantoms(home: Home, *, seed: int = 1) -> Dataset:
    """Ingest drawn images, which is done once; an equal data set is copied."""
    with drawn_once(f"phantoms-{seed}") as (drawn, is_drawn):
        if not is_drawn:
            config = make_config({"source": "phantom", "phantom_images": N_IMAGES, "seed": seed})
            ingest(config, home=Home(drawn), environ={})
    shutil.copytree(Home(drawn).datasets, home.datasets, dirs_exist_ok=True)
    [fingerprint] = [path.name for path in Home(drawn).datasets.iterdir()]
    return open_dataset(home, fingerprint)


def serve_champion(
    home: Home,
    model_file: Path,
    dataset: Dataset,
    *,
    basis: str = "oof",
    parts: Sequence[str] = ("oof",),
    run_key: str = "drawn",
    **changed: Any,
) -> str:
    """Promote a model by hand; `parts` are dealt out to the data set's images in turn."""
    config = make_config({"threads": THREADS})

    def build(built: Path, name: str) -> VersionFacts:
        shutil.copyfile(model_file, built / "model.keras")
        _predictions(dataset, parts).to_csv(built / "predictions.csv", index=False)
        figure = {"value": 0.9, "interval": [0.8, 0.95], "independent": None}
        headline = dict.fromkeys(MetricFigures.model_fields, figure)
        facts: dict[str, Any] = {
            "variant": "vanilla_cnn",
            "title": "Vanilla CNN",
            "promoted_at": NOW.isoformat(),
            "profile": "honest",
            "basis": basis,
            "dataset": dataset.fingerprint,
            "synthetic": dataset.record.synthetic,
            "temperature": TEMPERATURE,
            "cutoff": CUTOFF,
            "min_sensitivity": 0.95,
            "threads": THREADS,
            "verdict": "clean",
            "headline": {"basis": basis, "n_images": len(dataset.index), **headline},
            "config": config.as_dict(),
            "seed_of_run": 1,
            "champion_before": None,
            "comparison": None,
            "decision_reason": "by hand",
            "version": name,
            "run_key": run_key,
        }
        return VersionFacts(**facts | changed)

    with changing(home):
        version = put_version(
            home,
            run_key,
            inputs={},
            config_fingerprint=config.fingerprint,
            seed=1,
            build=build,
            note=print,
        )
        serve(home, version, action="promoted", reason="by hand", now=NOW)
    return version


def _predictions(dataset: Dataset, parts: Sequence[str]) -> pd.DataFrame:
    n = len(dataset.index)
    labels = dataset.index["label"].to_numpy()
    return pd.DataFrame(
        {
            "path": dataset.index["path"],
            "label": labels,
            "group": range(n),
            "part": [parts[i % len(parts)] for i in range(n)],
            "fold": 1,
            "score": 0.1 + 0.8 * labels,
            "calibrated": 0.2 + 0.6 * labels,
            "cutoff": CUTOFF,
            "prediction": labels,
            "decision": labels,
        }
    )
