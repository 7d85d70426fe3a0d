"""What events have told: read on, replaced where a stage tells again, bounded."""

import json
from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.watching.event_log import HEAD_BYTES, EventLog
from cxr_tasks.watching.fit_log import MAX_POINTS
from tests.watching.told import BEGAN, begin_run, figures, told, told_epochs

TASK = "train vanilla_cnn"
FIGURES = figures(0.5).content()


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return begin_run(Home(tmp_path))


def numbers(log: EventLog, fit: str = "") -> list[int]:
    return [epoch.number for epoch in log.task(TASK).fits[fit].epochs]


def test_only_what_was_added_is_read(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 31), n_epochs=40)
    log.read_on(run.progress)
    before = log.offset
    content = run.progress.read_bytes()
    rest = b"#" * (len(content) - HEAD_BYTES)
    run.progress.write_bytes(content[:HEAD_BYTES] + rest)  # what was read is not looked at again
    told_epochs(run, [31], n_epochs=40)
    log.read_on(run.progress)
    assert numbers(log) == list(range(1, 32))
    assert log.offset > before


def test_a_file_that_was_put_in_its_place_is_read_anew(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 6))
    log.read_on(run.progress)
    run.progress.unlink()
    told_epochs(run, [1])
    log.read_on(run.progress)
    assert numbers(log) == [1]


def test_a_file_with_the_number_of_a_deleted_one_is_read_anew(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 6))
    log.read_on(run.progress)
    number = run.progress.stat().st_ino
    run.progress.write_bytes(b"")  # as a file system does that gives the number again
    told(run, "train", "start", "x" * 9000, variant="vanilla_cnn", at=BEGAN + 60)
    told_epochs(run, [1], at=BEGAN + 61)
    assert run.progress.stat().st_ino == number
    log.read_on(run.progress)
    assert (numbers(log), log.began) == ([1], BEGAN + 60)


def test_epochs_that_are_told_again_take_the_place_of_the_first(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 7), loss=0.9)
    told(run, "train", "start", variant="vanilla_cnn")
    told_epochs(run, range(4, 6), loss=0.2)  # it went on from its checkpoint
    log.read_on(run.progress)
    assert numbers(log) == [1, 2, 3, 4, 5]
    losses = [epoch.loss for epoch in log.task(TASK).fits[""].epochs]
    assert losses == [0.9, 0.9, 0.9, 0.2, 0.2]
    assert log.task(TASK).n_tries == 1


def test_a_fold_that_begins_again_leaves_the_others_as_they_are(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 4), fit="fold 1 of 2")
    told_epochs(run, range(1, 6), fit="fold 2 of 2")
    told(run, "train", "start", variant="vanilla_cnn")
    told_epochs(run, [1], fit="fold 2 of 2")
    log.read_on(run.progress)
    assert numbers(log, "fold 1 of 2") == [1, 2, 3]
    assert numbers(log, "fold 2 of 2") == [1]


def test_a_curve_of_many_epochs_stays_small_and_ends_with_the_last(run: RunPaths) -> None:
    log = EventLog()
    told_epochs(run, range(1, 1008), n_epochs=2000)
    log.read_on(run.progress)
    shown = numbers(log)
    assert MAX_POINTS / 2 < len(shown) <= MAX_POINTS + 1
    assert (shown[0], shown[-1]) == (1, 1007)
    assert shown == sorted(set(shown))


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "hack"},
        {"variant": "resnet"},
        {"stage": "split"},
        {"fit": "fold 0 of 0"},
        {"fit": "../up"},
        {"at": 1e300},
        {"at": -1.0},
        {"epoch": "many"},
        {"stage": "track", "variant": ""},
        {"epoch": 10**400},
        {"epoch": -2},
        {"n_epochs": 10_001},
        {"seconds_left": 1e308},
        {"seconds_left": -1.0},
        {"figures": FIGURES | {"val_loss": 1e308}},
        {"figures": FIGURES | {"val_loss": -1e308}},
        {"figures": FIGURES | {"val_accuracy": -1e308}},
        {"figures": FIGURES | {"accuracy": 1.1}},
    ],
)
def test_what_is_no_event_of_a_run_is_passed_over(run: RunPaths, change: dict[str, object]) -> None:
    told_epochs(run, [1])
    event = json.loads(run.progress.read_text())
    with run.progress.open("a") as stream:
        stream.write(json.dumps(event | {"epoch": 2} | change) + "\n")
    log = EventLog()
    log.read_on(run.progress)
    assert set(log.tasks) == {TASK}
    assert set(log.task(TASK).fits) == {""}
    assert numbers(log) == [1]
    assert log.last_at == BEGAN + 1


def test_epochs_of_an_older_version_have_no_curve(run: RunPaths) -> None:
    told_epochs(run, [1])
    event = json.loads(run.progress.read_text())
    del event["figures"]
    run.progress.write_text(json.dumps(event) + "\n")
    log = EventLog()
    log.read_on(run.progress)
    assert log.task(TASK).fit is not None
    assert numbers(log) == []
