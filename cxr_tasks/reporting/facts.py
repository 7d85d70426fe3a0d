"""The content of `report.json`: every figure that the page shows."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.data.sources.left_out import left_out_of
from cxr_tasks.data.split import PARTS
from cxr_tasks.reporting.data_facts import data_facts
from cxr_tasks.reporting.material import Material
from cxr_tasks.reporting.reproduce import reproduce_command
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


def report_facts(material: Material) -> dict[str, Any]:
    """Collect what a run has found."""
    comparison, config = material.comparison, material.config
    basis = comparison["basis"]
    return {
        "run_key": material.run.key,
        "profile": config.profile,
        "source": config.source,
        "audit": _audit_facts(comparison["audit"], material.audit),
        "basis": basis,
        "folds": comparison["folds"],
        "banners": comparison["banners"],
        "recommendation": comparison["recommendation"],
        "variants": {
            name: _variant_facts(name, comparison["variants"][name], basis) for name in VARIANTS
        },
        "pairs": comparison["pairs"],
        "external": _external_facts(material),
        "study": study_facts() | {"differences": _differences(material)},
        "data": data_facts(material.dataset, left_out_of(material.ingest, material.dataset.record)),
        "split": {key: material.split[key] for key in _SPLIT_KEYS},
        "weights": material.ingest["weights"],
        "config": config.as_dict(),
        "reproduce": reproduce_command(config, weights_origin=material.ingest["weights"]["origin"]),
        "hashes": _hashes(material),
    }


def _audit_facts(verdict: Mapping[str, Any], audit: Record | None) -> dict[str, Any]:
    """Put what the audit looked at beside the verdict; nothing where it failed."""
    looked_at = {key: None if audit is None else audit[key] for key in _AUDIT_KEYS}
    return {**verdict, **looked_at, "controls": looked_at["controls"] or {}}


def _differences(material: Material) -> list[str]:
    return study_differences(
        material.config,
        synthetic=material.dataset.record["synthetic"],
        n_by_part={part: n["n_images"] for part, n in material.split["parts"].items()},
        weights_origin=material.ingest["weights"]["origin"],
    )


def _external_facts(material: Material) -> dict[str, Any] | None:
    facts = material.comparison["external"]
    left_out = left_out_of(material.ingest, {}, "external")
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
