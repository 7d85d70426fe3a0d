"""What is said of a stage that its worker gave back."""

from pathlib import Path

import pytest

from cxr_tasks.runs.failure import note_given_back
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Progress, read_events
from tests.watching.told import BEGAN, begin_run, told, told_epochs

VARIANT = "vanilla_cnn"


@pytest.mark.parametrize(
    ("fit", "after"), [("", "epoch 3"), ("fold 2 of 5", "fold 2 of 5, epoch 3")]
)
def test_a_training_is_given_back_after_its_last_epoch(
    tmp_path: Path, fit: str, after: str
) -> None:
    run = begin_run(Home(tmp_path))
    told_epochs(run, range(1, 8), fit="fold 1 of 5", at=BEGAN - 100)
    told_epochs(run, range(1, 4), fit=fit)
    told_epochs(run, range(1, 6), variant="mobilenetv2_frozen")
    note_given_back(run, Progress(run.progress, "train", VARIANT))
    *_, (last, _) = read_events(run.progress)
    assert (last.kind, last.name) == ("given back", f"train {VARIANT}")
    assert last.text == (
        f"Given back after {after}: this worker could not go on. The next free one goes on from "
        "the checkpoint."
    )


def test_a_stage_without_epochs_is_given_back_in_a_sentence(tmp_path: Path) -> None:
    run = begin_run(Home(tmp_path))
    told(run, "audit", "start")
    note_given_back(run, Progress(run.progress, "audit"))
    *_, (last, _) = read_events(run.progress)
    assert last.text == "Given back: this worker could not go on. The next free one goes on."


def test_of_a_run_that_was_deleted_nothing_comes_back(tmp_path: Path) -> None:
    run = Home(tmp_path).run("deleted")
    note_given_back(run, Progress(run.progress, "audit"))
    assert not run.root.exists()
