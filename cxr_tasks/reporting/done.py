"""One sentence on what a run has done: images, source, variants, split, seed."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.wording import one_line, whole

_SMALL = ("no", "one", "two", "three", "four")


def what_was_done(report: Mapping[str, Any], *, named: bool) -> str:
    """Say what a run has done, as its page and its last screen begin.

    Args:
        report: As `report_facts` gives them.
        named: Whether the variants are listed by their names.
    """
    trained = [name for name, facts in report["variants"].items() if facts["status"] == "ok"]
    listed = f" ({', '.join(trained)})" if named else ""
    return (
        f"{_images(report['data'])}: {_parts(report, _number(trained, report) + listed)}; "
        f"{_split(report['split']['kind'])}, seed {report['config']['seed']}."
    )


def _images(data: Mapping[str, Any]) -> str:
    if data["synthetic"]:
        return f"{whole(data['n_images'])} synthetic radiographs, drawn by this project"
    return f"{whole(data['n_images'])} images of {one_line(data['description'], 120)}"


def _number(trained: list[str], report: Mapping[str, Any]) -> str:
    """Say how many variants were trained, and of how many where some failed."""
    n, n_selected = len(trained), len(report["config"]["variants"])
    number = _SMALL[n] if n == n_selected else f"{_SMALL[n]} of {_SMALL[n_selected]}"
    noun = "classifier" if n_selected == 1 else "classifiers"
    return f"{number} {noun}"


def _parts(report: Mapping[str, Any], classifiers: str) -> str:
    if report["folds"]:
        repeats = report["folds"]["n_repeats"]
        times = f", divided {repeats} times" if repeats > 1 else ""
        return (
            f"{classifiers} trained in {report['folds']['n_folds']} folds{times}, and each image "
            "was scored by models that had not seen it"
        )
    n = {part: whole(facts["n_images"]) for part, facts in report["split"]["parts"].items()}
    if "test" not in n:
        return (
            f"{n['train']} trained {classifiers}, and {n['val']} both chose which epoch to "
            "keep and gave the scores"
        )
    return (
        f"{n['train']} trained {classifiers}, {n['val']} chose which epoch to keep, {n['test']} "
        "tested"
    )


def _split(kind: str) -> str:
    if kind == "grouped":
        return "split by patients and copies"
    return "split image by image, as in the study"
