"""What a reader has to know before any number: banners over the report."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.dataset import Dataset


def make_banners(
    dataset: Dataset, variants: Mapping[str, Mapping[str, Any]], *, split_kind: str
) -> list[dict[str, str]]:
    """Collect the warnings that hold for a run, the gravest first."""
    ok = {name: facts for name, facts in variants.items() if facts["status"] == "ok"}
    failed = [name for name, facts in variants.items() if facts["status"] == "failed"]
    limited = [name for name, facts in ok.items() if facts["stopped_by"] == "epochs"]
    random = [name for name, facts in ok.items() if facts["weights_origin"] == "random"]
    found = [
        ("failed", failed, f"Failed: {_listed(failed)}. The comparison is without it."),
        (
            "phantom",
            dataset.record["synthetic"],
            "Synthetic images: every radiograph of this run was drawn by the project. "
            "No number here says anything about patients or about the study's result.",
        ),
        (
            "random_weights",
            random,
            f"Random backbone weights: {_listed(random)} started without pre-training, for lack "
            "of ImageNet weights. Their numbers say nothing about transfer learning.",
        ),
        (
            "epoch_limit",
            limited,
            f"Stopped by the limit of epochs, not by early stopping: {_listed(limited)}. "
            "More epochs might have changed the result.",
        ),
        (
            "no_test",
            split_kind == "paper",
            "No test part: the validation images chose the stopping epoch and then gave the "
            "score, which is therefore optimistic. The study did the same.",
        ),
    ]
    return [{"kind": kind, "text": text} for kind, holds, text in found if holds]


def _listed(names: list[str]) -> str:
    return ", ".join(names)
