"""A finished run made in a moment: drawn images, drawn scores, real records and metrics."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from cxr_tasks.audit.audit import audit_dataset, read_control_scores
from cxr_tasks.audit.audit_record import AuditRecord
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.evaluation.evaluate import EvaluationInputs, make_comparison
from cxr_tasks.evaluation.explanation_record import (
    ExplainedImage,
    ExplanationFacts,
    OutsideShare,
    SanityStep,
)
from cxr_tasks.reporting.report import make_report
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import digest_of, sha256_of, write_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import finish_once
from tests.conftest import DRAWN_RUNS
from tests.drawing import ERROR, EXTERNAL_FINGERPRINT, Drawing, record_drawn
from tests.drawn_dataset import draw_dataset, draw_split, drawn_lungs
from tests.drawn_training import draw_scores, draw_training, strength_of


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
    dataset = draw_dataset(home, drawing, drawing.fingerprint, first=drawing.first)
    weights = {"origin": drawing.weights_origin, "sha256": "ab" * 32, "file_name": "weights.h5"}
    external = (
        draw_dataset(home, drawing, EXTERNAL_FINGERPRINT, first=10_000)  # no image is in both
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
    record_drawn(run.ingest, IngestRecord, ingested)
    table = draw_split(run, dataset, drawing)
    for name in variants:
        if name in drawing.failed:
            write_json(
                run.error("train", name),
                {"exit_code": 2, "signal": None, "message": ERROR, "last_lines": []},
            )
        else:
            draw_training(run, name, dataset, drawing)
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
    inputs = EvaluationInputs(
        run=run,
        config=config,
        dataset=dataset,
        split=table,
        audit=audit,
        control_scores=read_control_scores(run.audit),
        external=external,
        score=lambda path, images, rows: draw_scores(
            _labels_of(images, dataset, external), strength_of(path.parent.name, drawing)
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
    _model_file: Path,
    _images: Any,
    rows: Any,
    scored: ScoredImages,
    *,
    wrong: npt.NDArray[np.bool_],
    part: str,
    built: Path,
) -> ExplanationFacts:
    """Draw maps, and figures about them: of some wrong images, then of some right ones."""
    shown = np.argsort(~wrong, kind="stable")[:6]
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
