"""The content of `report.json`: every figure that the page shows."""

import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.sources.left_out import left_out_of
from cxr_tasks.data.split import PARTS
from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.settings import SETTINGS, RunConfig, default_of
from cxr_tasks.study import study_differences, study_facts
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.records import Record

_MEASURED = (*PARTS, "oof")
_KEPT_APART = (*_MEASURED, "seconds", "seed")
_SPLIT_KEYS = (
    "kind",
    "parts",
    "n_groups",
    "n_duplicate_images",
    "n_groups_across_parts",
    "n_images_in_groups_across_parts",
    "folds",
)
_AUDIT_KEYS = (
    "controls",
    "duplicates",
    "patients",
    "sources",
    "n_folds",
    "n_permutations",
    "n_excluded_images",
    "weights_origin",
    "drift",
)


def report_facts(artifacts: Artifacts) -> dict[str, Any]:
    """Collect what a run has found."""
    comparison, config = artifacts.comparison, artifacts.config
    dataset, ingest = artifacts.dataset, artifacts.ingest
    basis = comparison["basis"]
    return {
        "run_key": artifacts.run.key,
        "profile": config.profile,
        "source": config.source,
        "audit": _audit_facts(comparison["audit"], artifacts.audit),
        "basis": basis,
        "folds": comparison["folds"],
        "banners": comparison["banners"],
        "recommendation": comparison["recommendation"],
        "variants": {
            name: _variant_facts(name, comparison["variants"][name], basis) for name in VARIANTS
        },
        "pairs": comparison["pairs"],
        "external": _external_facts(artifacts),
        "study": study_facts() | {"differences": _differences(artifacts)},
        "data": _data_facts(dataset, left_out_of(ingest, dataset.record)),
        "split": {key: artifacts.split[key] for key in _SPLIT_KEYS},
        "weights": ingest["weights"],
        "config": config.as_dict(),
        "reproduce": reproduce_command(config, weights_origin=ingest["weights"]["origin"]),
        "hashes": _hashes(artifacts),
    }


def _audit_facts(verdict: Mapping[str, Any], audit: Record | None) -> dict[str, Any]:
    """Return the verdict with what the audit looked at; nothing of that where it failed."""
    looked_at = {key: None if audit is None else audit[key] for key in _AUDIT_KEYS}
    return {**verdict, **looked_at, "controls": looked_at["controls"] or {}}


def _differences(artifacts: Artifacts) -> list[str]:
    return study_differences(
        artifacts.config,
        synthetic=artifacts.dataset.record["synthetic"],
        n_by_part={part: n["n_images"] for part, n in artifacts.split["parts"].items()},
        weights_origin=artifacts.ingest["weights"]["origin"],
    )


def _external_facts(artifacts: Artifacts) -> dict[str, Any] | None:
    facts = artifacts.comparison["external"]
    left_out = left_out_of(artifacts.ingest, {}, "external")
    return facts and {**facts, "n_left_out_by_reason": left_out}


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
    for part in _MEASURED:
        for metric, value in outcome.get(part, {}).items():
            if metric != "roc":  # hundreds of points, drawn only
                facts[f"{part}_{metric}"] = value
    statistics = outcome["statistics"]
    headline = {"basis": basis, "n_images": statistics["n_images"], **statistics["metrics"]}
    return facts | {"headline": headline}


def _data_facts(dataset: Dataset, n_left_out_by_reason: Mapping[str, int]) -> dict[str, Any]:
    """Describe the images of a run: how many, of whom, in which sizes and formats."""
    record, index = dataset.record, dataset.index
    return {
        "fingerprint": dataset.fingerprint,
        "description": record["description"],
        "synthetic": record["synthetic"],
        "n_images": record["n_images"],
        "n_rejected": record["n_rejected"],
        "n_left_out": sum(n_left_out_by_reason.values()),
        "n_left_out_by_reason": dict(n_left_out_by_reason),
        "classes": {
            name: _class_facts(index[index["label"] == label])
            for name, label in (("covid", 1), ("normal", 0))
        },
    }


def _class_facts(rows: pd.DataFrame) -> dict[str, Any]:
    patients = rows.loc[rows["patient"] != "", "patient"]
    return {
        "n_images": len(rows),
        "n_with_patient": len(patients),
        "known_patient_fraction": len(patients) / len(rows),
        "n_patients": int(patients.nunique()),
        "formats": _tally(rows["format"]),
        "modes": _tally(rows["mode"]),
        "width_px": _range(rows["width"]),
        "height_px": _range(rows["height"]),
        "file_bytes": _range(rows["bytes"]),
    }


def _tally(column: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in column.value_counts().sort_index().items()}


def _range(column: pd.Series) -> dict[str, int]:
    return {"least": int(column.min()), "median": int(column.median()), "most": int(column.max())}


def _hashes(artifacts: Artifacts) -> dict[str, str]:
    """Return the digests that a second run has to have in common with this one."""
    hashes = {
        "configuration": artifacts.config.fingerprint,
        "data set": artifacts.dataset.fingerprint,
        "split.csv": artifacts.split["outputs"]["split.csv"],
    }
    if artifacts.ingest["weights"]["sha256"]:
        hashes["backbone weights"] = artifacts.ingest["weights"]["sha256"]
    models = {
        f"{name}/model.keras": record["outputs"]["model.keras"]
        for name, record in artifacts.trainings.items()
    }
    return hashes | models


def reproduce_command(config: RunConfig, *, weights_origin: str) -> str:
    """Return the command that starts the same run again, every setting by its flag.

    Args:
        config: The run's configuration.
        weights_origin: Where its backbones' weights came from: where ImageNet's could not be had,
            the command names what took their place, since elsewhere they may be had.
    """
    if not config.weights and weights_origin == "phantom":
        config = config.model_copy(update={"weights": "phantom"})
    words = ["python", "-m", "cxr_tasks", "run", "--profile", config.profile]
    for name in SETTINGS:
        value = getattr(config, name)
        if name != "profile" and value != default_of(name, config.profile):
            words += _flag(name, value)
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
