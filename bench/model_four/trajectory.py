"""One long training of the unfrozen variant, validated under both kinds of statistics."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cxr_tasks.training.epoch import EpochResult
from cxr_tasks.training.fit import HISTORY_COLUMNS, train_network
from cxr_tasks.training.keras_runtime import FULL
from cxr_tasks.training.loop import TrainingResult
from cxr_tasks.training.task import TrainingTask, trainable_part
from cxr_tasks.volume.files import write_rows
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import RunPaths


def train_long(
    task: TrainingTask, run: RunPaths, curves: Path, *, report: Callable[[str], None]
) -> TrainingResult:
    """Train until patience or epochs run out; go on from the run's checkpoint.

    Args:
        task: What to train.
        run: Where the checkpoint is.
        curves: The CSV file to write after every epoch: `HISTORY_COLUMNS`.
        report: Told every epoch.
    """
    folder = run.training(task.variant.name)
    folder.mkdir(parents=True, exist_ok=True)
    writer = CurveWriter(curves, report)
    lock = run.lock("train", task.variant.name)
    with volume_in_use(run.home), locked(lock, on_wait=lambda: report("waiting")):
        trainable = replace(trainable_part(task.build(), task, note=report), precision=FULL)
        result = train_network(task, trainable, folder, on_epoch=writer.add, note=report)
    write_rows(curves, HISTORY_COLUMNS, map(asdict, result.history))
    return result


class CurveWriter:
    """Writes each epoch as it comes, after those of a training that was interrupted.

    Args:
        path: The CSV file; its epochs before the first that comes are kept.
        report: Told every epoch.
    """

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report

    def add(self, result: EpochResult) -> None:
        """Write an epoch, and leave out what an older checkpoint is about to do again."""
        rows = [row for row in self._written() if row["epoch"] < result.epoch]
        write_rows(self._path, HISTORY_COLUMNS, [*rows, asdict(result)])
        self._report(
            f"epoch {result.epoch}: loss {result.loss:.4f}, val_loss {result.val_loss:.4f}, "
            f"without lag {result.val_loss_no_lag or float('nan'):.4f}, {result.seconds:.1f} s"
        )

    def _written(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        table = pd.read_csv(self._path)
        return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
