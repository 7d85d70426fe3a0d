"""One training as a process of its own: `python -m bench.gpu_check.training`.

It trains as the pipeline does: same networks, same cache of what frozen layers give, same loop.
What it measures is in `measured.json` after every epoch, so that a training that is cut off has
shown what it knows.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.gpu_check.memory import peak_card_mb, peak_host_mb
from cxr_tasks.data.split import rows_of
from cxr_tasks.machine.child_process import die_with_parent
from cxr_tasks.runs.start import open_run
from cxr_tasks.training.activations import BATCH_SIZE
from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.fit import train_network
from cxr_tasks.training.frozen_prefix import cut_frozen_prefix
from cxr_tasks.training.keras_runtime import describe_device, has_gpu, library_versions, start_keras
from cxr_tasks.training.loop import TrainingResult
from cxr_tasks.training.model_file import predict_scores, save_model
from cxr_tasks.training.task import Trainable, TrainingTask, open_task, trainable_part
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home

RUN = "gpu-check"
MEASURED, MODEL, SCORES = "measured.json", "model.keras", "scores.npy"
N_PASSES = 3
"""Over all images through the frozen layers, after one that compiles them."""

Model = Any


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Train one variant into a folder; go on from the checkpoint that is there."""
    die_with_parent(environ)
    options = _parser().parse_args(arguments)
    task, start_seconds = start_task(Home(options.home), options.variant)
    options.folder.mkdir(parents=True, exist_ok=True)
    watch = _Watch(options.folder, kill_after=options.kill_after_epoch)
    watch.note(start_seconds=start_seconds, device=describe_device(), has_gpu=has_gpu())
    watch.note(versions=library_versions())
    started = time.monotonic()
    model = task.build()
    watch.note(build_seconds=_since(started))
    started = time.monotonic()
    trainable = trainable_part(model, task, note=print)
    watch.note(frozen_layers_seconds=_since(started), pipeline_uses=trainable.precision)
    trainable = replace(trainable, precision=options.precision)
    result = _train(task, trainable, options.folder, watch)
    save_model(model, options.folder / MODEL)
    scores = predict_scores(model, task.dataset.images, rows_of(task.split, "val"))
    np.save(options.folder / SCORES, scores)
    started = time.monotonic()
    if options.frozen_pass:
        watch.note(frozen_pass=_frozen_pass(model, task))
    watch.note(frozen_pass_seconds=_since(started))
    watch.note(finished=True, resumed_after_epoch=result.resumed_after_epoch)
    return 0


def start_task(home: Home, variant: str) -> tuple[TrainingTask, float]:
    """Start Keras for the check's run, and open what a variant trains on.

    Returns:
        The task, and the seconds that Keras and its backend took to start.
    """
    started = time.monotonic()
    run, config = open_run(home, RUN)
    start_keras(threads=config.threads, seed=config.seed)
    start_seconds = _since(started)
    return open_task(run, config, variant), start_seconds


class _Watch:
    """Keeps what is known of the training in its file, and ends it where that is asked for."""

    def __init__(self, folder: Path, *, kill_after: int | None) -> None:
        self._path = folder / MEASURED
        self._facts: dict[str, Any] = {"finished": False, "epoch_seconds": [], "losses": []}
        self._kill_after = kill_after

    def note(self, **facts: object) -> None:
        """Write facts beside those that are known."""
        self._facts |= facts
        write_json(self._path, self._facts | _memory())

    def epoch(self, result: EpochResult) -> None:
        """Write an epoch's figures; after the one named, kill this process within the next."""
        self.note(
            epoch_seconds=[*self._facts["epoch_seconds"], result.seconds],
            losses=[*self._facts["losses"], [result.loss, result.val_loss]],
        )
        if result.epoch == self._kill_after:
            threading.Thread(target=_kill_in, args=(result.seconds / 2,), daemon=True).start()


def _train(task: TrainingTask, trainable: Trainable, folder: Path, watch: _Watch) -> TrainingResult:
    result = train_network(task, trainable, folder, on_epoch=watch.epoch, note=print)
    watch.note(
        compile_seconds=round(result.prepare_seconds, 3),
        n_train=len(task.train_rows),
        n_val=len(rows_of(task.split, "val")),
        losses=[[epoch.loss, epoch.val_loss] for epoch in result.history],
    )
    return result


def _frozen_pass(model: Model, task: TrainingTask) -> dict[str, Any] | None:
    """Time the frozen layers on all images, from the store to values in memory."""
    cut = cut_frozen_prefix(model)
    if cut is None:
        return None
    images, seconds = task.dataset.images, []
    for _ in range(1 + N_PASSES):
        started = time.monotonic()
        for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
            np.asarray(cut.prefix.predict_on_batch(np.asarray(images[start : start + BATCH_SIZE])))
        seconds.append(time.monotonic() - started)
    n_images = len(images) // BATCH_SIZE * BATCH_SIZE
    return {"cut_after": cut.layer, "images_per_second": round(n_images / median(seconds[1:]), 1)}


def _kill_in(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _memory() -> dict[str, float | None]:
    return {"peak_card_mb": peak_card_mb(), "peak_host_mb": peak_host_mb()}


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check.training")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--variant", choices=list(VARIANTS), required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--frozen-pass", action="store_true")
    parser.add_argument("--kill-after-epoch", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main())
