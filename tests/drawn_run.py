"""A finished run made in a moment: drawn images, drawn scores, real records and metrics."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from filelock import FileLock

from cxr_tasks.audit.audit import audit_dataset, read_control_scores
from cxr_tasks.audit.audit_record import AuditRecord
from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.data.dataset import Dataset, DatasetRecord, open_dataset
from cxr_tasks.data.relabelling import Decided, count_decisions, write_decided
from cxr_tasks.data.split import count_parts, make_folds, read_fold, write_folds
from cxr_tasks.data.split_record import FoldRounds, SplitFacts, SplitRecord
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.evaluation.evaluate import EvaluationInputs, make_comparison
from cxr_tasks.evaluation.explanation_record import (
    ExplainedImage,
    ExplanationFacts,
    OutsideShare,
    SanityStep,
)
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.reporting.report import make_report
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import digest_of, sha256_of, write_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import Facts, StageRecord
from cxr_tasks.volume.records import finish_once, make_record, write_record
from tests.conftest import DRAWN_RUNS

FINGERPRINT, EXTERNAL_FINGERPRINT = "d0" * 32, "e0" * 32
HOSTILE_NAMES = (
    'NORMAL/NORMAL/<script>alert("x")<script>.png',
    "COVID/COVID/\"quoted' & <b>bold<b>.png",
    "COVID/COVID/two\nlines\t{{ 7 * 7 }}.png",
    f"NORMAL/NORMAL/{'long-' * 45}name.png",
)
ERROR = "TrainingError: the loss is <no number>.\nA loss has to be finite.\nLower the rate."

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


@dataclass(frozen=True)
class Drawing:
    """What a drawn run is like; one seed gives one run."""

    n_images: int = 48
    n_rejected: int = 0
    split: str = "grouped"
    synthetic: bool = True
    weights_origin: str = "random"
    failed: Sequence[str] = ()
    skipped: Sequence[str] = ()
    stopped_by: str = "patience"
    lag_decided: bool = False
    """Whether lag ended the trainings that move batch statistics."""
    names: Sequence[str] = ()
    n_epochs: int = 12
    n_folds: int = 0
    external: bool = False
    left_out: Mapping[str, Mapping[str, int]] | None = None
    """Of the ingestion, by `dataset` and `external`; None: as older versions recorded it."""
    base: str | None = None
    """Of a run with a remedy, the data set that its own was made from."""
    unusable_masks: Mapping[str, int] = field(default_factory=dict)
    explained: bool = True
    strengths: Mapping[str, float] | None = None
    seconds: Mapping[str, float] | None = None
    """What each training is said to have taken."""
    fingerprint: str = FINGERPRINT
    first: int = 0
    """Number of the first image; two data sets share the images whose numbers they share."""
    spot: float = 45
    """How much brighter the positive class is in a corner; 0: no control can tell it."""
    images: npt.NDArray[np.uint8] | None = None
    drift: DriftFacts | None = None
    decided: Sequence[Decided] = ()
    """What people decided about labels; the drawn ones are already as decided."""


def draw_run(
    root: Path, drawing: Drawing | None = None, *, key: str = "drawn", **settings: Any
) -> tuple[RunPaths, RunConfig]:
    """Make a run that is finished up to its evaluation; an equal one is drawn once, then copied."""
    drawing = drawing or Drawing()
    fingerprints = (drawing.fingerprint, EXTERNAL_FINGERPRINT)
    is_first = not any((Home(root).datasets / name).exists() for name in fingerprints)
    names_root = any(str(root) in str(value) for value in settings.values())
    if drawing.images is not None or names_root or not is_first:
        return _draw_run(root, drawing, key, settings)
    name = digest_of([key, repr(drawing), repr(sorted(settings.items()))])
    with drawn_once(name) as (drawn, is_drawn):
        if not is_drawn:
            _draw_run(drawn, drawing, key, settings)
    shutil.copytree(drawn, root, dirs_exist_ok=True)
    return open_run(Home(root), key)


@contextmanager
def drawn_once(name: str) -> Iterator[tuple[Path, bool]]:
    """Give a folder of the test run and whether it is filled; what fills it is alone there."""
    folder = Path(os.environ[DRAWN_RUNS]) / name
    with FileLock(folder.with_suffix(".lock")):
        filled = folder.with_suffix(".filled")
        yield folder, filled.exists()
        filled.touch()


def _draw_run(
    root: Path, drawing: Drawing, key: str, settings: Mapping[str, Any]
) -> tuple[RunPaths, RunConfig]:
    home = Home(root)
    variants = [name for name in VARIANTS if name not in drawing.skipped]
    config = make_config(
        {
            "variants": variants,
            "split": drawing.split,
            "epochs": 30,
            "threads": 2,
            "folds": drawing.n_folds,
        }
        | ({"head_repeats": 1} if drawing.n_folds and "mobilenetv2_frozen" in variants else {})
        | dict(settings)
    )
    run = start_run(config, home, key)
    dataset = _draw_dataset(home, drawing, drawing.fingerprint, first=drawing.first)
    weights = {"origin": drawing.weights_origin, "sha256": "ab" * 32, "file_name": "weights.h5"}
    external = (
        _draw_dataset(home, drawing, EXTERNAL_FINGERPRINT, first=10_000)  # no image is in both
        if drawing.external
        else None
    )
    ingested: dict[str, Any] = {
        "dataset": drawing.fingerprint,
        "external": external and EXTERNAL_FINGERPRINT,
        "weights": weights,
        "base": drawing.base,
    }
    if drawing.left_out is not None:
        ingested["n_left_out_by_reason"] = drawing.left_out
    _record(run.ingest, IngestRecord, ingested)
    table = _draw_split(run, dataset, drawing)
    for name in variants:
        if name in drawing.failed:
            write_json(
                run.error("train", name),
                {"exit_code": 2, "signal": None, "message": ERROR, "last_lines": []},
            )
        else:
            _draw_training(run, name, dataset, drawing)
    audit = finish_once(
        run.audit,
        AuditRecord,
        inputs={},
        config_fingerprint=config.fingerprint,
        seed=1,
        note=print,
        build=lambda built: audit_dataset(
            dataset,
            table,
            drawn_lungs(len(dataset.index)),
            folds=None,
            features=None,
            seed=1,
            built=built,
            drift=drawing.drift,
            weights_origin=drawing.weights_origin,
        ),
    )
    strengths = {**_STRENGTHS, **(drawing.strengths or {})}
    inputs = EvaluationInputs(
        run=run,
        config=config,
        dataset=dataset,
        split=table,
        audit=audit,
        control_scores=read_control_scores(run.audit),
        external=external,
        score=lambda path, images, rows: draw_scores(
            _labels_of(images, dataset, external), strengths[path.parent.name]
        )[rows],
        explain=draw_explanation if drawing.explained else lambda *_, **__: None,
    )
    finish_once(
        run.evaluate,
        ComparisonRecord,
        inputs={},
        config_fingerprint=config.fingerprint,
        seed=1,
        note=print,
        build=lambda built: make_comparison(inputs, built=built),
    )
    return run, config


def _labels_of(images: Any, *datasets: Dataset | None) -> npt.NDArray[np.int64]:
    owner = next(each for each in datasets if each is not None and each.images is images)
    return owner.index["label"].to_numpy(np.int64)


def finish_report(run: RunPaths, config: RunConfig) -> ReportRecord:
    """Make the report as the stage does, of equal artifacts once; return its record."""
    with drawn_once(f"report-{_digest_of_artifacts(run)}") as (made, is_made):
        if is_made and not run.report.exists():
            shutil.copytree(made, run.report)
        record = finish_once(
            run.report,
            ReportRecord,
            inputs={},
            config_fingerprint=config.fingerprint,
            seed=config.seed,
            note=print,
            build=lambda built: make_report(run, config, built),
        )
        if not is_made:
            shutil.copytree(run.report, made)
    return record


def _digest_of_artifacts(run: RunPaths) -> str:
    places = (run.root, run.home.datasets)
    files = sorted(path for place in places for path in place.rglob("*") if path.is_file())
    parts = (str(path.relative_to(run.home.root)) for path in files)
    return digest_of([list(parts), [sha256_of(path) for path in files]])


def draw_explanation(
    _model_file: Path, _images: Any, rows: Any, scored: ScoredImages, *, part: str, built: Path
) -> ExplanationFacts:
    """Draw maps with a bright spot, and figures about them."""
    shown = np.arange(min(6, len(rows)))
    maps = np.random.default_rng(0).uniform(0, 1, (len(shown), 7, 7)).astype(np.float32)
    np.savez_compressed(built / "explanation.npz", maps=maps)
    share = OutsideShare(mean=0.62, interval=[0.55, 0.7])
    return ExplanationFacts(
        layer="out_relu",
        part=part,
        n_images=len(rows),
        n_without_evidence=1,
        outside_area_fraction=0.51,
        outside_fraction=ByClass[OutsideShare](covid=share, normal=share),
        sanity=[SanityStep(layer="covid", rank_correlation=0.2, ssim=0.3)],
        sanity_passes=True,
        examples=[
            ExplainedImage(
                row=int(rows[place]),
                label=1 if scored.labels[place] == 1 else 0,
                score=float(scored.scores[place]),
                outside_fraction=0.5,
                right=bool(scored.are_right[place]),
            )
            for place in shown
        ],
    )


def draw_scores(labels: npt.NDArray[np.int64], strength: float) -> npt.NDArray[np.float64]:
    """Draw probabilities that follow the labels more or less, shape (n,)."""
    rng = np.random.default_rng(int(abs(strength) * 10))
    logits = strength * (2 * labels - 1) + rng.logistic(0, 1, len(labels))
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)


def _draw_dataset(home: Home, drawing: Drawing, fingerprint: str, *, first: int) -> Dataset:
    folder = home.datasets / fingerprint
    if folder.exists():  # of another run in the same home
        return open_dataset(home, fingerprint)
    folder.mkdir(parents=True)
    n = drawing.n_images
    labels = [i % 2 for i in range(n)]
    paths = [_path(i, label) for i, label in enumerate(labels)]
    paths[: len(drawing.names)] = drawing.names
    labels = [int(path.startswith("COVID")) for path in paths]
    images = (
        drawing.images
        if drawing.images is not None
        else _draw_images(labels, first=first, spot=drawing.spot)
    )
    np.save(folder / "images.npy", images)
    pd.DataFrame(
        {
            "path": paths,
            "label": labels,
            "patient": [
                f"p{(first + i) // 4}" if label == 0 else "" for i, label in enumerate(labels)
            ],
            "source": ["" for _ in labels],
            "width": [256 + 8 * (i % 5) for i in range(n)],
            "height": [256] * n,
            "mode": ["L" if i % 3 else "RGB" for i in range(n)],
            "format": ["PNG" if i // 2 % 4 else "JPEG" for i in range(n)],
            "bytes": [40_000 + 7919 * (first + i) % 4001 for i in range(n)],
            "jpeg_tables": ["" if i // 2 % 4 else "0f1e2d3c" for i in range(n)],
            "jpeg_quantization": [0.0 if i // 2 % 4 else 12.5 for i in range(n)],
            "sha256": [f"{first + i:064x}" for i in range(n)],
            "phash": [_draw_hash(first + i) for i in range(n)],
        }
    ).to_csv(folder / "index.csv", index=False, lineterminator="\n")
    rejected = [
        [f"COVID/COVID/bad <{i}>.png", 1, "not an image"] for i in range(drawing.n_rejected)
    ]
    pd.DataFrame(rejected, columns=["path", "label", "reason"]).to_csv(
        folder / "rejected.csv", index=False, lineterminator="\n"
    )
    counts = {"covid": labels.count(1), "normal": labels.count(0)}
    facts: dict[str, Any] = {
        "image_size_px": 224,
        "n_candidates": n + drawing.n_rejected,
        "n_images": n,
        "n_by_class": counts,
        "known_patient_fraction_by_class": {"covid": 0.0, "normal": 1.0},
        "n_rejected": drawing.n_rejected,
        "n_unusable_masks_by_reason": dict(drawing.unusable_masks),
        "source": "phantom" if drawing.synthetic else "folder",
        "description": "drawn images" if drawing.synthetic else "a folder of <images>",
        "synthetic": drawing.synthetic,
    }
    if drawing.decided:
        write_decided(drawing.decided, folder)
        facts["label_decisions"] = count_decisions(drawing.decided, dataset_before=FINGERPRINT)
    _record(folder, DatasetRecord, facts)
    return open_dataset(home, fingerprint)


def _draw_hash(number: int) -> str:
    """Draw a perceptual hash that is near no other."""
    return f"{int(np.random.default_rng(number).integers(2**63)):016x}"


def _path(i: int, label: int) -> str:
    return f"{'COVID/COVID' if label else 'NORMAL/NORMAL'}/image-{i:03d}.png"


def _draw_images(labels: list[int], *, first: int, spot: float) -> npt.NDArray[np.uint8]:
    """Draw two dark ovals on grey, a lighter spot in a corner for the positive class."""
    rows, columns = _places()
    lungs, images = _ovals(), []
    for i, label in enumerate(labels):
        rng = np.random.default_rng(first + i)
        grey = 150 - 90 * lungs + rng.normal(0, 6, (224, 224))
        corner = ((columns - 0.43) / 0.06) ** 2 + ((rows + 0.43) / 0.06) ** 2 < 1
        images.append(np.clip(grey + spot * label * corner, 0, 255).astype(np.uint8))
    return np.repeat(np.stack(images)[..., None], 3, axis=-1)


def drawn_lungs(n_images: int) -> Lungs:
    """Return the ovals of the drawn images, as if they had come with the data."""
    packed = np.tile(np.packbits(_ovals(), axis=1), (n_images, 1, 1))
    return Lungs(packed, np.ones(n_images, np.bool_), np.ones(n_images), key="drawn")


def _ovals() -> npt.NDArray[np.bool_]:
    rows, columns = _places()
    ovals = [((columns - x) / 0.14) ** 2 + (rows / 0.32) ** 2 < 1 for x in (-0.2, 0.2)]
    both: npt.NDArray[np.bool_] = ovals[0] | ovals[1]
    return both


def _places() -> npt.NDArray[np.float64]:
    return np.mgrid[0:224, 0:224] / 224 - 0.5


def _draw_split(run: RunPaths, dataset: Dataset, drawing: Drawing) -> pd.DataFrame:
    kind = drawing.split
    fifths = [(i // 4) % 5 for i in range(len(dataset.index))]
    with_test = kind == "grouped" and not drawing.n_folds
    names = {0: "test" if with_test else "val", 1: "val"}
    table = pd.DataFrame(
        {
            "path": dataset.index["path"],
            "label": dataset.index["label"],
            "group": [i // 4 * 2 + i % 2 for i in range(len(fifths))],
            "part": [names.get(fifth, "train") for fifth in fifths],
        }
    )
    run.split.mkdir(parents=True)
    table.to_csv(run.split / "split.csv", index=False, lineterminator="\n")
    facts = SplitFacts(
        kind=kind,
        parts=count_parts(table),
        n_groups=int(table["group"].nunique()),
        n_duplicate_images=3,
        n_groups_across_parts=0 if kind == "grouped" else 1,
        n_images_in_groups_across_parts=0 if kind == "grouped" else 2,
        folds=_draw_folds(run, table, drawing.n_folds) if drawing.n_folds else None,
    )
    _record(run.split, SplitRecord, facts)
    return table


def _draw_folds(run: RunPaths, table: pd.DataFrame, n_folds: int) -> FoldRounds:
    labels, groups = table["label"].to_numpy(), table["group"].to_numpy()
    parts = make_folds(labels, groups, n_folds=n_folds, n_repeats=1, seed=1)
    rounds = write_folds(table, parts, built=run.split)
    return FoldRounds(n_folds=n_folds, n_repeats=1, rounds=rounds)


def _draw_fold_scores(run: RunPaths, name: str, drawing: Drawing) -> None:
    strength = {**_STRENGTHS, **(drawing.strengths or {})}[name]
    for number in range(1, drawing.n_folds + 1):
        table = read_fold(run.split, number)
        scored = pd.DataFrame(
            {"row": table.index, **table, "score": draw_scores(table["label"].to_numpy(), strength)}
        )
        folder = run.train(name) / f"fold-{number}"
        folder.mkdir()
        scored[scored["part"] != "train"].to_csv(folder / "scores.csv", index=False)


def _draw_training(run: RunPaths, name: str, dataset: Dataset, drawing: Drawing) -> None:
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
    _record(folder, TrainingRecord, facts)


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


def _record(folder: Path, model: type[StageRecord], facts: Facts | dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = make_record(
        folder, model, inputs={}, config_fingerprint="00" * 32, seed=1, seconds=0.1, facts=facts
    )
    write_record(folder, record)
