"""What a drawn run can be like, and how whatever is drawn of it gets its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.data.relabelling import Decided
from cxr_tasks.volume.record_model import Facts, StageRecord
from cxr_tasks.volume.records import make_record, write_record

FINGERPRINT, EXTERNAL_FINGERPRINT = "d0" * 32, "e0" * 32
HOSTILE_NAMES = (
    'NORMAL/NORMAL/<script>alert("x")<script>.png',
    "COVID/COVID/\"quoted' & <b>bold<b>.png",
    "COVID/COVID/two\nlines\t{{ 7 * 7 }}.png",
    f"NORMAL/NORMAL/{'long-' * 45}name.png",
)
ERROR = "TrainingError: the loss is <no number>.\nA loss has to be finite.\nLower the rate."


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


def record_drawn(folder: Path, model: type[StageRecord], facts: Facts | dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = make_record(
        folder, model, inputs={}, config_fingerprint="00" * 32, seed=1, seconds=0.1, facts=facts
    )
    write_record(folder, record)
