"""`bench/results.json`, and what of it a person reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr_tasks.machine.devices import n_cores
from cxr_tasks.volume.files import read_json, write_json
from cxr_tasks.volume.records import versions

PARTS: dict[str, Any] = {"variants": {}, "whole_run": {}, "scale": [], "orchestration": {}}
"""Every part of the results, as it is before anything was measured."""

Results = dict[str, Any]


def read_results(path: Path) -> Results:
    """Read what was measured before; every part is there, perhaps empty."""
    found = read_json(path) if path.exists() else {}
    return {**PARTS, "measured_with": {}, **found}


def write_part(path: Path, part: str, content: object, **facts: object) -> None:
    """Replace one part, and note what it was measured with; the others stay as they are.

    So a measurement that is interrupted loses nothing, and parts that were not measured this
    time keep the note of the machine and versions that theirs are from.
    """
    results = read_results(path)
    noted = {**facts, "n_cores": n_cores(), "versions": versions()}
    results["measured_with"] = {**results["measured_with"], part: noted}
    write_json(path, {**results, part: content})


def as_tables(results: Mapping[str, Any]) -> str:
    """Lay out every part that was measured, as Markdown that reads well in a terminal."""
    told = []
    if results["variants"]:
        label = results["measured_with"]["variants"]["images"]
        told.append("\n".join([f"Variants, on {label}:", "", _variants(results["variants"])]))
    if results["whole_run"]:
        label = results["measured_with"]["whole_run"]["images"]
        told.append("\n".join([f"A whole run, on {label}:", "", _whole_run(results["whole_run"])]))
    if results["scale"]:
        told.append("\n".join(["Scale, on synthetic images:", "", _scale(results["scale"])]))
    if results["orchestration"]:
        told.append(_orchestration(results["orchestration"]))
    return "\n\n".join(told)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a table: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "| " + " | ".join([f"{cells[0]:<{widths[0]}}", *numbers]) + " |"


def _variants(variants: Mapping[str, Mapping[str, Any]]) -> str:
    header = ["variant", "study s/epoch", "here s/epoch", "times", "study prep. s", "here prep. s"]
    rows = [
        [
            f"`{name}`",
            f"{entry['study_seconds_per_epoch']:.2f}",
            f"{entry['seconds_per_epoch']:.3f}",
            f"{entry['ratio']:.2f}",
            f"{entry['study_prepare_seconds']:.0f}",
            f"{entry['prepare_seconds']:.0f}",
        ]
        for name, entry in variants.items()
    ]
    once = max(entry["ingest_and_split_seconds"] for entry in variants.values())
    return (
        f"{markdown_table(header, rows)}\n\n"
        "prep.: from the start of the process to the first epoch. Here ingestion and split come\n"
        f"before it, {once:.0f} s once for all variants."
    )


def _whole_run(measured: Mapping[str, Any]) -> str:
    ways = {
        "stage by stage, each fold a process": measured["stage_by_stage"],
        "as `run` does it": measured["as_run"],
    }
    rows = [
        [name, f"{cost['seconds']:.1f}", f"{cost['cpu_seconds']:.1f}"]
        for name, cost in (measured["stages"] | ways).items()
    ]
    return markdown_table(["stage", "seconds", "processor s"], rows)


def _scale(measured: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            row["stage"],
            f"{row['n_images']:,}",
            f"{1000 * row['seconds_per_image']:.2f}",
            f"{row['peak_anon_mb']:.0f}",
        ]
        for row in measured
    ]
    return markdown_table(["stage", "images", "ms an image", "peak anonymous MB"], rows)


def _orchestration(measured: Mapping[str, Any]) -> str:
    return (
        f"Orchestration: {measured['dag_seconds']:.1f} s through the DAG, "
        f"{measured['direct_seconds']:.1f} s without Airflow:\n"
        f"{measured['cost_seconds']:.1f} s for {measured['n_tasks']} tasks, "
        f"{measured['cost_seconds_per_task']:.2f} s a task."
    )
