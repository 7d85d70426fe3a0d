"""Runs on a shared volume made by copying one: many, broken, failed, in a moment."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.sealed import read_sealed, write_sealed
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

BEGAN = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""
Change = Callable[[dict[str, Any]], object]


def draw_template(root: Path) -> RunPaths:
    """Draw one finished run whose report the others are copies of."""
    run, config = draw_run(root, Drawing(skipped=["vanilla_cnn"]), key="first")
    finish_report(run, config)
    write_events(run, BEGAN, seconds=200)
    return run


def put_run(
    home: Home,
    template: RunPaths,
    key: str,
    *,
    began: float = BEGAN,
    seconds: float = 60.0,
    change: Change = lambda _report: None,
) -> RunPaths:
    """Put a finished run on the volume.

    Args:
        home: The shared volume.
        template: The run it is a copy of, as far as pages read it.
        key: Its name.
        began: When, in seconds since 1970.
        seconds: How long it took.
        change: Changes the content of `report.json`.
    """
    run = home.run(key)
    for folder in (template.report, template.ingest):
        shutil.copytree(folder, run.root / folder.name)
    shutil.copy(template.config, run.config)
    report = read_sealed(run.report / "report.json") | {"run_key": key}
    change(report)
    write_sealed(run.report / "report.json", report)
    write_events(run, began, seconds=seconds)
    return run


def put_unfinished(home: Home, template: RunPaths, key: str, *, began: float = BEGAN) -> RunPaths:
    """Put a run on the volume that has no report."""
    run = put_run(home, template, key, began=began)
    shutil.rmtree(run.report)
    return run


def write_events(run: RunPaths, began: float, *, seconds: float) -> None:
    """Write when a run began, and what it did last."""
    events = [
        {"stage": "ingest", "variant": "", "kind": "start", "text": "started", "at": began},
        {
            "stage": "train",
            "variant": "vanilla_cnn",
            "kind": "epoch",
            "text": "epoch 3",
            "at": began + seconds,
        },
    ]
    run.progress.write_text("".join(json.dumps(event) + "\n" for event in events))


def scoring(accuracies: Mapping[str, float]) -> Change:
    """Change the accuracy of variants."""

    def change(report: dict[str, Any]) -> None:
        for name, value in accuracies.items():
            figure = {"value": value, "interval": None, "independent": None}
            report["variants"][name]["headline"]["accuracy"] = figure

    return change


def on_data(fingerprint: str, *, basis: str = "test", split: str = "ab" * 32) -> Change:
    """Change what a run was measured on."""

    def change(report: dict[str, Any]) -> None:
        report["data"]["fingerprint"] = fingerprint
        report["basis"] = basis
        report["hashes"]["split.csv"] = split

    return change
