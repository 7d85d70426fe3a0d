"""Looking again and again: cheap, the same in every process, and at many runs."""

from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.watching.watch import Watch, Watches
from tests.watching.told import BEGAN, begin_run, fail, finish, told, told_epochs


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run = begin_run(Home(tmp_path))
    told(run, "train", "start", variant="vanilla_cnn")
    told_epochs(run, range(1, 4))
    return run


def test_what_has_not_changed_has_the_same_version_in_every_process(run: RunPaths) -> None:
    watch = Watch(run)
    first = watch.look(now=BEGAN)
    assert watch.look(now=BEGAN + 30).version == first.version
    assert Watch(run).look(now=BEGAN + 5) == first  # as after a restart of the server


def test_every_change_has_a_version_of_its_own(run: RunPaths) -> None:
    watch = Watch(run)
    seen = [watch.look(now=BEGAN).version]
    told_epochs(run, [4])
    seen.append(watch.look(now=BEGAN).version)
    fail(run, "audit")
    seen.append(watch.look(now=BEGAN).version)
    finish(run, "audit")
    seen.append(watch.look(now=BEGAN).version)
    seen.append(watch.look(now=BEGAN + 1000).version)  # nothing works on it any more
    seen.append(watch.look(now=BEGAN + 1000, state="running").version)
    assert len(set(seen)) == len(seen)


def test_a_watch_goes_on_from_the_last_look_and_few_are_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    watches = Watches(home)
    first = watches.of(home.run("run-0"))
    assert watches.of(home.run("run-0")) is first
    for number in range(1, 40):
        watches.of(home.run(f"run-{number}"))
    assert watches.of(home.run("run-0")) is not first


def test_a_run_without_events_waits(tmp_path: Path) -> None:
    progress = Watch(Home(tmp_path).run("none")).look(now=BEGAN, state="queued")
    assert {task.state for task in progress.tasks} == {"waiting"}


def test_nothing_that_a_link_leads_to_is_read(run: RunPaths, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    run.progress.rename(outside)
    run.progress.symlink_to(outside)
    assert Watch(run).look(now=BEGAN).last_at is None
