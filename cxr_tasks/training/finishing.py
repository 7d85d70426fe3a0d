"""How a training's folder becomes a finished one, at any moment that a try may have been killed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.training.fit import CHECKPOINT
from cxr_tasks.volume.files import put_in_place, remove_leftovers
from cxr_tasks.volume.records import (
    Note,
    Record,
    find_finished,
    make_record,
    record_file,
    write_record,
)

STAGE = "train"


def find_training(
    working: Path, place: Path, *, inputs: Mapping[str, str], note: Note
) -> Record | None:
    """Find a finished training, also where a try before was killed before it put it in place.

    Args:
        working: Where it is trained.
        place: Where it lies when it is finished.
        inputs: Digests of what it reads now.
        note: Told what is damaged.
    """
    record = find_finished(place, STAGE, inputs=inputs, note=note)
    if record is None:
        record = find_finished(working, STAGE, inputs=inputs, note=note)
        if record is not None:
            _put_in_place(working, place)
    for path in (place, record_file(working, STAGE)):
        remove_leftovers(path)
    return record


def finish_training(
    working: Path,
    place: Path,
    *,
    inputs: Mapping[str, str],
    config_fingerprint: str,
    seed: int,
    facts: Mapping[str, Any],
) -> Record:
    """Write a training's record, and put its folder in place.

    The checkpoint goes only after that: killed at any moment, the training is finished or can
    be gone on with.
    """
    record = make_record(
        working,
        STAGE,
        inputs=inputs,
        config_fingerprint=config_fingerprint,
        seed=seed,
        seconds=facts["train_seconds"],
        facts=dict(facts),
        leave_out=[CHECKPOINT],
    )
    write_record(working, record)
    _put_in_place(working, place)
    return record


def _put_in_place(working: Path, place: Path) -> None:
    (working / CHECKPOINT).unlink(missing_ok=True)
    put_in_place(working, place)
