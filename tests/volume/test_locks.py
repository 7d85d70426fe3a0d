"""Locks of one thing and of the whole volume: who waits, who is refused, who is told."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from cxr_tasks.volume.locks import (
    is_locked,
    is_volume_in_use,
    locked,
    locks_of_run,
    volume_alone,
    volume_in_use,
)
from cxr_tasks.volume.paths import Home, LockName


def is_free(home: Home) -> bool:
    """Return whether space could be freed now."""
    with volume_alone(home, wait_seconds=0) as is_alone:
        return is_alone


@contextmanager
def waiting(work: Callable[[Event], None]) -> Iterator[Thread]:
    """Do work in a thread that has to wait; yield when it says that it does."""
    waits = Event()
    thread = Thread(target=work, args=(waits,))
    thread.start()
    assert waits.wait(10)
    assert thread.is_alive()
    yield thread


def _hold(home: Home, started: Path) -> None:
    with volume_in_use(home), locked(home.locks / "a.lock"):
        started.touch()
        time.sleep(60)


def test_locks_die_with_their_holder(tmp_path: Path) -> None:
    home, started = Home(tmp_path), tmp_path / "started"
    holder = multiprocessing.get_context("spawn").Process(target=_hold, args=(home, started))
    holder.start()
    while not started.exists():
        time.sleep(0.05)
    assert is_locked(home.locks / "a.lock")
    assert not is_free(home)
    os.kill(holder.pid or 0, 9)
    holder.join()
    assert not is_locked(home.locks / "a.lock")
    assert is_free(home)


def test_who_waits_for_a_lock_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"

    def hold_briefly(waits: Event) -> None:
        with locked(path, on_wait=waits.set):
            pass

    first = locked(path, on_wait=lambda: pytest.fail("nobody holds it"))
    with first, waiting(hold_briefly) as second:
        pass
    second.join(10)
    assert not second.is_alive()


def test_many_work_on_the_volume_and_space_is_freed_when_the_last_has_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not is_volume_in_use(home)
    with volume_in_use(home, on_wait=lambda: pytest.fail("nobody frees space")):
        with volume_in_use(home, on_wait=lambda: pytest.fail("nobody frees space")):
            assert not is_free(home)
        assert not is_free(home)
        assert is_volume_in_use(home)
    assert not is_volume_in_use(home)
    assert is_free(home)


def test_who_works_waits_while_space_is_freed(tmp_path: Path) -> None:
    home = Home(tmp_path)

    def work(waits: Event) -> None:
        with volume_in_use(home, on_wait=waits.set):
            pass

    with volume_alone(home, wait_seconds=0) as is_alone, waiting(work) as second:
        assert is_alone
        assert is_volume_in_use(home)
        assert not is_free(home)
    second.join(10)
    assert not second.is_alive()


def test_a_child_that_lives_on_holds_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with volume_in_use(home):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_free(home)
    child.communicate()


def test_a_runs_locks_are_its_own_and_not_those_of_a_longer_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    short = home.run("night")
    longer = [home.run("night-train"), home.run("night-fold-vanilla_cnn")]
    taken: list[tuple[LockName, str | None]] = [
        ("start", None),
        ("failure", None),
        ("ingest", None),
        ("train", "mobilenetv2_frozen"),
        ("fold", "vanilla_cnn-fold-12"),
    ]
    home.locks.mkdir()
    for run in (short, *longer):
        for stage, variant in taken:
            run.lock(stage, variant).touch()
    for run in (short, *longer):
        assert set(locks_of_run(run)) == {run.lock(stage, variant) for stage, variant in taken}
