"""Drawn trainings: a history, a file in the model's place, scores that follow the labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.split import read_fold
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import RunPaths
from tests.drawing import Drawing, record_drawn

# How well a variant's drawn scores follow the label, and what its training is said to cost.
_STRENGTHS = dict(zip(VARIANTS, (1.1, 2.4, 2.6, 1.8), strict=True))
_CUT_AFTER = {"mobilenetv2_frozen": "average", "mobilenetv2_partial": "block_14_add"}
_MOVE_STATISTICS = ("mobilenetv2_partial", "mobilenetv2_unfrozen")
_SECONDS = dict(zip(VARIANTS, (41.2, 1.9, 12.4, 163.0), strict=True))
_PARAMETERS = dict(
    zip(
        VARIANTS,
        ((1_045_441,) * 2, (2_422_081, 164_097), (2_422_081, 1_216_577), (2_422_081, 2_387_969)),
        strict=True,
    )
)


def strength_of(name: str, drawing: Drawing) -> float:
    """Return how well a variant's drawn scores follow the label."""
    return {**_STRENGTHS, **(drawing.strengths or {})}[name]


def draw_scores(labels: npt.NDArray[np.int64], strength: float) -> npt.NDArray[np.float64]:
    """Draw probabilities that follow the labels more or less, shape (n,)."""
    rng = np.random.default_rng(int(abs(strength) * 10))
    logits = strength * (2 * labels - 1) + rng.logistic(0, 1, len(labels))
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)


def _draw_fold_scores(run: RunPaths, name: str, drawing: Drawing) -> None:
    strength = strength_of(name, drawing)
    for number in range(1, drawing.n_folds + 1):
        table = read_fold(run.split, number)
        scored = pd.DataFrame(
            {"row": table.index, **table, "score": draw_scores(table["label"].to_numpy(), strength)}
        )
        folder = run.train(name) / f"fold-{number}"
        folder.mkdir()
        scored[scored["part"] != "train"].to_csv(folder / "scores.csv", index=False)


def draw_training(run: RunPaths, name: str, dataset: Dataset, drawing: Drawing) -> None:
    folder = run.train(name)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(name.encode() * 1000)
    n = drawing.n_epochs
    history = _draw_history(n, _STRENGTHS[name], moves_statistics=name in _MOVE_STATISTICS)
    history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    if VARIANTS[name].augmented:
        originals = np.asarray(dataset.images[:6])
        np.save(folder / "augmented.npy", np.stack([originals, originals[:, :, ::-1]]))
    _draw_fold_scores(run, name, drawing)
    n_parameters, n_trainable = _PARAMETERS[name]
    train_seconds = {**_SECONDS, **(drawing.seconds or {})}[name]
    facts = {
        "variant": name,
        "n_parameters": n_parameters,
        "n_trainable_parameters": n_trainable,
        "epochs_run": n,
        "best_epoch": 1 + int(history["val_loss"].to_numpy().argmin()),
        "stopped_by": drawing.stopped_by,
        "without_lag": _draw_without_lag(history, drawing),
        "max_epochs": 30,
        "patience": 8,
        "train_seconds": train_seconds,
        "seconds_per_epoch": train_seconds / n,
        "peak_anon_mb": 912.4,
        "device": "cpu",
        "threads": 2,
        "learning_rate": VARIANTS[name].learning_rate,
        "batch_size": 32,
        "n_train": 28,
        "n_val": 10,
        "model_bytes": 4 * n_parameters + 51_234,
        "weights_origin": drawing.weights_origin if VARIANTS[name].uses_backbone else "none",
        "class_weight": None,
        "resumed_from_epoch": 0,
        "prepare_seconds": 12.5,
        "precision": "float32",
        "cut_after": _CUT_AFTER.get(name),
        "activations": "0123456789abcdef" if name in _CUT_AFTER else "",
        "n_activations_computed": 38 if name == "mobilenetv2_frozen" else 0,
        "folds": [
            {
                "round": number,
                "best_epoch": 7 + number,
                "epochs_run": 15,
                "stopped_by": drawing.stopped_by,
                "train_seconds": 1.5,
                "prepare_seconds": 8.0,
                "resumed_from_epoch": 0,
            }
            for number in range(1, drawing.n_folds + 1)
        ],
    }
    record_drawn(folder, TrainingRecord, facts)


def _draw_without_lag(history: pd.DataFrame, drawing: Drawing) -> dict[str, Any] | None:
    losses = history["val_loss_no_lag"]
    if losses.isna().all():
        return None
    best = int(losses.to_numpy().argmin())
    return {
        "best_epoch": 1 + best,
        "val_loss": float(losses.iloc[best]),
        "val_accuracy": float(history["val_accuracy_no_lag"].iloc[best]),
        "stops_after": None if drawing.lag_decided else len(history),
        "decided_stopping": drawing.lag_decided,
    }


def _draw_history(n_epochs: int, strength: float, *, moves_statistics: bool) -> pd.DataFrame:
    epochs = np.arange(1, n_epochs + 1)
    rng = np.random.default_rng(int(abs(strength) * 10))
    train = 0.7 * np.exp(-epochs * strength / n_epochs) + rng.normal(0, 0.008, n_epochs)
    val = 0.12 + 0.62 * np.exp(-epochs * strength / n_epochs) + 0.1 * (epochs / n_epochs) ** 3
    val = val + rng.normal(0, 0.02, n_epochs)
    no_lag = 0.85 * val if moves_statistics else np.full(n_epochs, np.nan)
    return pd.DataFrame(
        {
            "epoch": epochs,
            "loss": train,
            "accuracy": np.clip(1 - train * 0.6, 0, 1),
            "val_loss": val,
            "val_accuracy": np.clip(1 - val * 0.6, 0, 1),
            "seconds": np.full(n_epochs, 0.5),
            "val_loss_no_lag": no_lag,
            "val_accuracy_no_lag": np.clip(1 - no_lag * 0.6, 0, 1),
        }
    )
