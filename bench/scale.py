"""How time and memory grow with the images: the pipeline's stages on phantoms.

Each stage is its own process, as in a run. Seconds are the stage's work by its own record, without
the start of the interpreter; memory is the process group's peak of anonymous memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.flow.pipeline import Stage
from cxr_tasks.flow.process import run_stage
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.activations import ActivationsRecord
from cxr_tasks.training.training_record import TrainingRecord
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import PeakMemory
from cxr_tasks.volume.records import require_record

Row = dict[str, Any]
_Record = IngestRecord | SplitRecord | ComparisonRecord | ReportRecord

_EPOCHS = 2
_FROZEN = "mobilenetv2_frozen"
_UNFROZEN = "mobilenetv2_unfrozen"
"""Minutes an epoch on thousands of images; its memory is that of its batch."""


@dataclass(frozen=True)
class Size:
    """How many phantoms, and how much of a run is measured on them."""

    n_images: int
    variants: tuple[str, ...]
    is_whole_run: bool


SIZES = (
    Size(300, tuple(VARIANTS), is_whole_run=True),
    Size(3_000, tuple(name for name in VARIANTS if name != _UNFROZEN), is_whole_run=True),
    Size(30_000, (_FROZEN,), is_whole_run=False),
)


def measure_scale(
    home: Path, *, report: Callable[[str], None], sizes: tuple[Size, ...] = SIZES
) -> Iterator[Row]:
    """Run the stages on each size, and give each figure as soon as it is measured.

    Returns:
        Rows of n_images, stage, seconds_per_image and peak_anon_mb.

    Raises:
        StageError: A stage failed.
    """
    for size in sizes:
        run = _start(home, size)
        for stage, variant in _stages(size):
            report(f"{size.n_images:,} phantoms: {stage} {variant or ''}".rstrip())
            run_stage(stage, run, variant=variant, on_line=_keep_in(home / "scale.log"))
            yield from _rows(run, stage, variant, size.n_images)


def _start(home: Path, size: Size) -> RunPaths:
    config = make_config(
        {
            "profile": "quickstart",
            "phantom_images": size.n_images,
            "variants": list(size.variants),
            "weights": "random",
            "epochs": _EPOCHS,
        }
    )
    return start_run(config, Home(home), f"scale-{size.n_images}")


def _keep_in(path: Path) -> Callable[[str], None]:
    def keep(line: str) -> None:
        with path.open("a", encoding="utf-8") as log:
            print(line, file=log)

    return keep


def _stages(size: Size) -> Iterator[Stage]:
    yield from (("ingest", None), ("split", None))
    yield from (("train", variant) for variant in size.variants)
    if size.is_whole_run:
        yield from (("evaluate", None), ("report", None))


def _record(run: RunPaths, stage: str) -> _Record:
    read: dict[str, Callable[[], _Record]] = {
        "ingest": lambda: require_record(run.ingest, IngestRecord),
        "split": lambda: require_record(run.split, SplitRecord),
        "evaluate": lambda: require_record(run.evaluate, ComparisonRecord),
        "report": lambda: require_record(run.report, ReportRecord),
    }
    return read[stage]()


def _rows(run: RunPaths, stage: str, variant: str | None, n_images: int) -> Iterator[Row]:
    if variant is None:
        found = _record(run, stage)
        yield _row(stage, found.seconds, n_images, found)
        return
    record = require_record(run.train(variant), TrainingRecord)
    if record.n_activations_computed:
        folder = run.home.cache / "activations" / record.activations
        kept = require_record(folder, ActivationsRecord)
        yield _row(f"{variant}: frozen layers", kept.seconds, n_images, record)
    n_used = record.n_train + record.n_val
    yield _row(f"{variant}: epoch", record.seconds_per_epoch, n_used, record) | {
        "n_images": n_images
    }


def _row(stage: str, seconds: float, n_images: int, record: PeakMemory) -> Row:
    return {
        "n_images": n_images,
        "stage": stage,
        "seconds_per_image": round(seconds / n_images, 6),
        "peak_anon_mb": record.peak_anon_mb,
    }
