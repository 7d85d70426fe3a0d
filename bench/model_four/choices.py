"""What early stopping would have chosen from one trajectory, under each kind of statistics.

One trajectory is enough: in training, batch normalisation uses each batch's own statistics, so the
running ones, which validation uses, never reach the weights.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxr_tasks.training.early_stopping import early_stopping

STATISTICS: Mapping[str, str] = {"running": "", "without lag": "_no_lag"}
"""Kinds of statistics, and how the columns of each end."""
COLUMNS = ["statistics", "patience", "stopped_after", "best_epoch", "val_loss", "val_accuracy"]


def choose(curves: pd.DataFrame, *, patience: int) -> list[dict[str, Any]]:
    """Follow early stopping along the trajectory.

    Args:
        curves: A row for each epoch, as a training's `history.csv`.
        patience: Epochs without a lower validation loss before training stops.

    Returns:
        For each kind of statistics a row of `COLUMNS`; `stopped_after` is None where patience
        does not run out within the trajectory.
    """
    rows = []
    for name, suffix in STATISTICS.items():
        stopping = early_stopping(curves[f"val_loss{suffix}"], patience=patience)
        best = curves.iloc[stopping.best_epoch - 1]
        rows.append(
            {
                "statistics": name,
                "patience": patience,
                "stopped_after": stopping.best_epoch + stopping.wait if stopping.stops else None,
                "best_epoch": stopping.best_epoch,
                "val_loss": round(float(best[f"val_loss{suffix}"]), 4),
                "val_accuracy": round(float(best[f"val_accuracy{suffix}"]), 4),
            }
        )
    return rows
