"""Each variant by the study's procedure and by this pipeline, in one run, on the same files.

The study's training is measured in two halves, one before and one after the pipeline's: a machine
that grows steadily slower or faster then favours neither. Both sides are fresh processes with all
cores. An epoch's seconds are the time from one epoch's end to the next one's, so callbacks,
checkpoints and all that is written count, and the first epoch, in which Keras traces, does not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.child import run_python
from bench.images import BenchImages
from bench.timing import Trained, compare
from cxr_tasks.flow.pipeline import Stage
from cxr_tasks.flow.process import run_stage
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.progress_record import ProgressRecord
from cxr_tasks.volume.records import require_record

Entry = dict[str, Any]


@dataclass(frozen=True)
class Schedule:
    """How many epochs each side trains; the first of each training is not counted."""

    study_epochs: int = 4  # of each half of the study's side
    # of the pipeline's side by variant: more where an epoch is short
    epochs: dict[str, int] = field(
        default_factory=lambda: {
            "vanilla_cnn": 7,
            "mobilenetv2_frozen": 61,
            "mobilenetv2_partial": 16,
            "mobilenetv2_unfrozen": 6,
        }
    )


def measure_variants(
    images: BenchImages, schedule: Schedule, *, scratch: Path, report: Callable[[str], None]
) -> Iterator[tuple[str, Entry]]:
    """Measure each variant of the schedule, and give each as soon as it is measured.

    Raises:
        StageError: A child process of either side failed.
        DataError: The two sides did not train on equally many images.
    """
    for name in schedule.epochs:
        halves = []
        report(f"{name}: study's procedure, first half")
        halves.append(_train_as_study(name, images, schedule.study_epochs, scratch))
        report(f"{name}: this pipeline")
        trained, facts = _train_here(name, images, schedule.epochs[name], scratch)
        report(f"{name}: study's procedure, second half")
        halves.append(_train_as_study(name, images, schedule.study_epochs, scratch))
        yield name, compare(name, halves, trained) | facts


def _train_as_study(name: str, images: BenchImages, epochs: int, scratch: Path) -> Trained:
    out = scratch / "study.json"
    command = ["-m", "bench.study_procedure", "--variant", name]
    command += ["--folder", str(images.folder), "--epochs", str(epochs), "--out", str(out)]
    command += ["--weights", str(images.weights)] if images.weights else []
    started_at = time.time()
    run_python(command)
    told = read_json(out)
    return Trained(started_at, tuple(told["ended_at"]), told["n_train"], told["n_val"])


def _train_here(
    name: str, images: BenchImages, epochs: int, scratch: Path
) -> tuple[Trained, Entry]:
    """Go a user's way: a run of its own, its stages one after another, each a process.

    Returns:
        The training, and what else is worth telling of the run.
    """
    config = make_config(
        {
            # Only quickstart trains from random weights.
            "profile": "paper" if images.weights else "quickstart",
            "source": "folder",
            "data": str(images.folder),
            "split": "paper",
            "variants": [name],
            "epochs": epochs,
            "patience": max(30, epochs),
            "weights": _weights_for(name, images),
            "threads": n_cores(),
        }
    )
    run = start_run(config, Home(scratch / "home"), f"bench-{name}")
    with (scratch / "pipeline.log").open("a", encoding="utf-8") as log:
        stages: list[Stage] = [("ingest", None), ("split", None), ("train", name)]
        for stage, variant in stages:
            run_stage(stage, run, variant=variant, on_line=lambda line: print(line, file=log))
    events = [event for event, _ in read_events(run.progress)]
    record = require_record(run.train(name), TrainingRecord)
    facts = {
        "ingest_and_split_seconds": round(_seconds_of(events, "ingest", "split"), 1),
        "device": record.device,
        "cut_after": record.cut_after,
    }
    return _watched(events, record), facts


def _weights_for(name: str, images: BenchImages) -> str:
    if not VARIANTS[name].uses_backbone:
        return ""
    return str(images.weights) if images.weights else "random"


def _watched(events: Sequence[ProgressRecord], record: TrainingRecord) -> Trained:
    events = [event for event in events if event.stage == "train"]
    started_at = next(event.at for event in events if event.kind == "start")
    ended_at = tuple(event.at for event in events if event.kind == "epoch")
    return Trained(started_at, ended_at, record.n_train, record.n_val)


def _seconds_of(events: Sequence[ProgressRecord], *stages: str) -> float:
    at = {(event.stage, event.kind): event.at for event in events}
    return sum(at[stage, "done"] - at[stage, "start"] for stage in stages)
