"""What a report is made of: a run's finished artifacts, and the figures drawn from them."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.split import PARTS, read_split
from cxr_tasks.paths import RunPaths
from cxr_tasks.records import Record, require_record
from cxr_tasks.reporting.data_facts import data_facts
from cxr_tasks.reporting.wording import proportions
from cxr_tasks.settings import PROFILES, SETTINGS, RunConfig
from cxr_tasks.study import study_differences, study_facts
from cxr_tasks.variants import VARIANTS

HEADLINE_METRICS = (
    "accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1", "roc_auc",
    "loss",
)  # fmt: skip
_WITH_INTERVAL = ("accuracy", "sensitivity", "specificity")
_KEPT_APART = (*PARTS, "seconds", "seed")


@dataclass(frozen=True)
class Material:
    """Everything of a run that its report shows, read and checked against its records.

    `trainings`, `histories` and `predictions` have the variants that finished, in order.
    """

    run: RunPaths
    config: RunConfig
    dataset: Dataset
    rejected: pd.DataFrame
    ingest: Record
    split: Record
    split_table: pd.DataFrame
    comparison: Record
    trainings: Mapping[str, Record]
    histories: Mapping[str, pd.DataFrame]
    predictions: Mapping[str, pd.DataFrame]


def collect(run: RunPaths, config: RunConfig) -> Material:
    """Read a run's artifacts.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    ingest = require_record(run.ingest, "ingest")
    dataset = open_dataset(run.home, ingest["dataset"])
    comparison = require_record(run.evaluate, "evaluate")
    trained = [
        name for name in VARIANTS if comparison["variants"].get(name, {}).get("status") == "ok"
    ]
    return Material(
        run=run,
        config=config,
        dataset=dataset,
        rejected=_read_text_table(run.home.datasets / ingest["dataset"] / "rejected.csv"),
        ingest=ingest,
        split=require_record(run.split, "split"),
        split_table=read_split(run.split),
        comparison=comparison,
        trainings={name: require_record(run.train(name), "train") for name in trained},
        histories={name: pd.read_csv(run.train(name) / "history.csv") for name in trained},
        predictions={name: _read_predictions(run, name) for name in trained},
    )


def report_facts(material: Material) -> dict[str, Any]:
    """Give the content of `report.json`: every figure that the page shows."""
    comparison, config = material.comparison, material.config
    basis = comparison["basis"]
    return {
        "run_key": material.run.key,
        "profile": config.profile,
        "source": config.source,
        "basis": basis,
        "banners": comparison["banners"],
        "recommendation": comparison["recommendation"],
        "variants": {
            name: _variant_facts(name, comparison["variants"][name], basis) for name in VARIANTS
        },
        "study": study_facts()
        | {
            "differences": study_differences(
                config,
                synthetic=material.dataset.record["synthetic"],
                n_by_part={part: n["n_images"] for part, n in material.split["parts"].items()},
                weights_origin=material.ingest["weights"]["origin"],
            )
        },
        "data": data_facts(material.dataset),
        "split": {key: material.split[key] for key in _SPLIT_KEYS},
        "weights": material.ingest["weights"],
        "config": config.as_dict(),
        "reproduce": reproduce_command(config),
        "hashes": _hashes(material),
    }


_SPLIT_KEYS = (
    "kind", "parts", "n_groups", "n_duplicate_images", "n_groups_across_parts",
    "n_images_in_groups_across_parts",
)  # fmt: skip


def _read_text_table(path: Any) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _read_predictions(run: RunPaths, variant: str) -> pd.DataFrame:
    return pd.read_csv(
        run.evaluate / variant / "predictions.csv",
        dtype={"path": str, "part": str},
        keep_default_na=False,
    )


def _variant_facts(name: str, outcome: Mapping[str, Any], basis: str) -> dict[str, Any]:
    """Flatten one variant: its training's facts, and the metrics of each part by prefix."""
    variant = VARIANTS[name]
    facts = {
        "status": outcome["status"],
        "error": outcome["error"],
        "title": variant.title,
        "study_name": variant.study_name,
    }
    if outcome["status"] != "ok":
        return facts
    facts |= {key: value for key, value in outcome.items() if key not in _KEPT_APART}
    for part in PARTS:
        for metric, value in outcome.get(part, {}).items():
            if metric != "roc":  # hundreds of points, drawn only
                facts[f"{part}_{metric}"] = value
    return facts | {"headline": _headline(outcome[basis], basis)}


def _headline(metrics: Mapping[str, Any], basis: str) -> dict[str, Any]:
    counts = proportions(metrics["confusion"])
    return {
        "basis": basis,
        "n_images": metrics["n_images"],
        **{
            metric: {
                "value": metrics[metric],
                "interval": wilson(*counts[metric]) if metric in _WITH_INTERVAL else None,
            }
            for metric in HEADLINE_METRICS
        },
    }


def wilson(n_successes: int, n_trials: int) -> list[float] | None:
    """Give the 95 % interval of a proportion; None where nothing was tried.

    Wilson 1927, doi 10.1080/01621459.1927.10502953. It takes the images as independent.
    """
    if n_trials == 0:
        return None
    interval = binomtest(n_successes, n_trials).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def reproduce_command(config: RunConfig) -> str:
    """Give the command that starts the same run again, every setting by its flag."""
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    defaults |= PROFILES[config.profile]
    words = ["python", "-m", "cxr_tasks", "run", "--profile", config.profile]
    for name in SETTINGS:
        value = getattr(config, name)
        if name != "profile" and value != defaults[name]:
            words += _flag(name, value)
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _hashes(material: Material) -> dict[str, str]:
    """Name what a second run has to have in common with this one."""
    hashes = {
        "configuration": material.config.fingerprint,
        "data set": material.dataset.fingerprint,
        "split.csv": material.split["outputs"]["split.csv"],
    }
    if material.ingest["weights"]["sha256"]:
        hashes["backbone weights"] = material.ingest["weights"]["sha256"]
    models = {
        f"{name}/model.keras": record["outputs"]["model.keras"]
        for name, record in material.trainings.items()
    }
    return hashes | models
