"""The measurements: each gives a name and an entry as soon as it is there, by variant mostly."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.gpu_check.check import NOT_RUN, Check, Entry
from bench.gpu_check.children import DONE, Command
from bench.gpu_check.training import MODEL, SCORES
from cxr_tasks.training.keras_runtime import FULL, MIXED
from cxr_tasks.volume.files import sha256_of

Part = Iterator[tuple[str, Entry]]

ALL = "all"
"""Names what is about the variants together."""

TOLERANCES = {"as_trained": 5e-3, "full_float32": 1e-4}
"""Largest difference of a probability between card and processor. As trained, a card multiplies
float32 with 10 bits of fraction (TF32); full float32 has 23."""

_DEVICES: dict[str, dict[str, str]] = {
    "as_trained": {},
    "full_float32": {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"},
    "processor": {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
}


def measure_float32(check: Check) -> Part:
    """Train each variant by itself in float32; where layers are frozen, time those too."""
    return _alone(check, "float32", precision=FULL, options=["--frozen-pass"])


def measure_mixed(check: Check) -> Part:
    """Train each variant by itself in mixed precision, also where the pipeline would not."""
    return _alone(check, "mixed", precision=MIXED, options=[])


def measure_predictions(check: Check) -> Part:
    """Score the same images by the same weights, those of `float32`, on card and processor."""
    models = [(variant, check.folder("float32", variant) / MODEL) for variant in check.variants]
    named = [f"{variant}={path}" for variant, path in models if path.exists()]
    status, scores = _scores(check, named)
    for variant in check.variants:
        here = {device: found[variant] for device, found in scores.items() if variant in found}
        yield variant, _compared(here) if here else {"status": status}


def measure_resume(check: Check) -> Part:
    """Kill each training in the middle of an epoch, go on, compare with the undisturbed one."""
    kill_after = max(1, check.epochs // 2)
    kill = ["--kill-after-epoch", str(kill_after)]
    killed, _ = check.train("resume", check.variants, precision=FULL, options=kill)
    resumed, _ = check.train("resume", check.variants, precision=FULL)
    for variant, entry in resumed.items():
        yield (
            variant,
            {
                "status": entry["status"],
                "first_try": killed[variant]["status"].split("\n")[0],
                "killed_after_epoch": kill_after,
                "resumed_after_epoch": entry.get("resumed_after_epoch"),
                **_beside_undisturbed(check, "resume", variant, entry),
            },
        )


def measure_together(check: Check) -> Part:
    """Train all variants at once on the one card; `float32` trained them one after another."""
    entries, card_mb = check.train("together", check.variants, precision=FULL)
    for variant, entry in entries.items():
        yield variant, entry | _beside_undisturbed(check, "together", variant, entry)
    yield ALL, _at_once(entries, check.results["float32"]) | {"card_used_mb": card_mb}


PARTS: dict[str, Callable[[Check], Part]] = {
    "float32": measure_float32,
    "predictions": measure_predictions,
    "resume": measure_resume,
    "together": measure_together,
    "mixed": measure_mixed,
}
"""Every measurement by name, in order: the later ones compare with `float32`, and where time runs
out the numbers matter more than another speed."""


def _alone(check: Check, part: str, *, precision: str, options: Sequence[str]) -> Part:
    for variant in check.variants:
        check.report(f"{part}: {variant}")
        entries, card_mb = check.train(part, [variant], precision=precision, options=options)
        yield variant, entries[variant] | {"card_used_mb": card_mb}


def _scores(check: Check, named: Sequence[str]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Give how scoring ended, and where it is done the scores by device and variant."""
    commands, files = {}, {}
    for device, environ in _DEVICES.items():
        files[device] = check.scratch / f"scores-{device}.npz"
        arguments = ["-m", "bench.gpu_check.prediction", "--home", str(check.home)]
        arguments += ["--out", str(files[device]), *named]
        commands[device] = Command(arguments, environ)
    if not named and check.seconds_left():
        return "not run: no training in float32 is finished", {}
    ended = check.run("predictions", commands)
    status = next((each.status for each in ended.values() if each.status != DONE), DONE)
    return status, {device: _read(path) for device, path in files.items()} if status == DONE else {}


def _read(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _compared(scores: Mapping[str, Any]) -> Entry:
    processor = scores["processor"]
    entry: Entry = {
        "status": DONE,
        "lowest_score": float(processor.min()),
        "highest_score": float(processor.max()),
    }
    for device, tolerance in TOLERANCES.items():
        difference = float(np.abs(scores[device] - processor).max())
        entry[device] = {
            "largest_difference": difference,
            "tolerance": tolerance,
            "is_within": difference <= tolerance,
        }
    return entry


def _beside_undisturbed(check: Check, part: str, variant: str, entry: Entry) -> Entry:
    """Compare a training's saved model and scores with those of the part `float32`."""
    here, undisturbed = check.folder(part, variant), check.folder("float32", variant)
    if entry["status"] != DONE or not (undisturbed / SCORES).exists():
        return {"is_bit_equal": None, "largest_score_difference": None}
    difference = np.abs(
        np.load(here / SCORES, allow_pickle=False)
        - np.load(undisturbed / SCORES, allow_pickle=False)
    ).max()
    return {
        "is_bit_equal": sha256_of(here / MODEL) == sha256_of(undisturbed / MODEL),
        "largest_score_difference": float(difference),
    }


def _at_once(entries: Mapping[str, Entry], float32: Mapping[str, Entry]) -> Entry:
    """Compare the time of all epochs: the sum of those alone with the longest at once.

    What a process compiles depends on what was compiled before it, so starts are left out.
    """
    statuses = [each["status"] for each in (*entries.values(), *float32.values())]
    if set(statuses) != {DONE}:
        return {"status": next((each for each in statuses if each != DONE), NOT_RUN)}
    alone = [sum(entry["epoch_seconds"]) for entry in float32.values()]
    at_once = max(sum(entry["epoch_seconds"]) for entry in entries.values())
    return {
        "status": DONE,
        "one_after_another_seconds": round(sum(alone), 2),
        "at_once_seconds": round(at_once, 2),
        "times_faster_at_once": round(sum(alone) / at_once, 3),
        "epochs_slower_at_once": {
            variant: round(entry["seconds_per_epoch"] / float32[variant]["seconds_per_epoch"], 3)
            for variant, entry in entries.items()
        },
    }
