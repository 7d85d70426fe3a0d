"""What killed work leaves, as files.py really names it, and the locks of its makers."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cxr_tasks.space.locks import locks_of_leftover, locks_of_run
from cxr_tasks.volume.leftovers import is_leftover, owner_of

from cxr_tasks.volume.files import building, write_json
from cxr_tasks.volume.paths import Home
from tests.space.volume import names, put_run
from tests.stored import flip_bit


def killed(work: Callable[[], object]) -> None:
    """Do work in a process of its own that is killed at its end."""
    child = os.fork()
    if child == 0:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def die(fd: object) -> None:
    assert fd
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_maker_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    def build() -> None:
        with building(tmp_path / "0003-night.7"):
            os.kill(os.getpid(), signal.SIGKILL)

    def write() -> None:
        os.fsync = die
        write_json(tmp_path / "champion.json", {})

    killed(build)
    killed(write)
    assert {owner_of(name) for name in names(tmp_path)} == {"0003-night.7", "champion.json"}


@pytest.mark.parametrize(
    "name", ["config.json", ".owner.slug.partial", ".owner.slug.lock", "a.building-abcd1234", ".x"]
)
def test_nothing_else_is_a_leftover(name: str) -> None:
    assert not is_leftover(name)


@pytest.mark.parametrize(
    ("path", "lock"),
    [
        ("datasets/.0f1e.building-abcd1234", "locks/dataset-0f1e.lock"),
        ("cache/activations/.77.replaced", "locks/activations-77.lock"),
        ("cache/backbones/.keras-download.building-abcd1234", "locks/backbones.lock"),
        ("cache/kaggle/.owner.slug.building-abcd1234", "cache/kaggle/.owner.slug.lock"),
        ("champion/.champion.json.writing-abcd1234", "locks/champion.lock"),
        ("champion/.0002-a.building-abcd1234", "locks/champion.lock"),
        ("scores/.ward-7.building-abcd1234", "locks/scores-ward-7.lock"),
        (".watch.json.writing-abcd1234", "locks/watch.lock"),
        ("elsewhere/.x.building-abcd1234", None),
        (".notes.json.writing-abcd1234", None),
    ],
)
def test_each_has_the_lock_of_its_maker(tmp_path: Path, path: str, lock: str | None) -> None:
    found = locks_of_leftover(Home(tmp_path), tmp_path / path)
    assert found == (None if lock is None else [tmp_path / lock])


@pytest.mark.parametrize("path", [".split.building-abcd1234", "train/.vanilla_cnn.replaced"])
def test_of_a_run_it_is_every_lock_of_the_run(tmp_path: Path, path: str) -> None:
    run = Home(tmp_path).run("night")
    assert locks_of_leftover(run.home, run.root / path) == locks_of_run(run)


def test_a_runs_locks_are_all_of_its_own_and_no_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    short = put_run(home, "night", folds=2, repeats=3, split="grouped")
    long = put_run(home, "night-train", folds=2, split="grouped")
    locks = locks_of_run(short)
    for stage, variant in (
        ("start", None),
        ("failure", None),
        ("ingest", None),
        ("promote", None),
        ("train", "mobilenetv2_frozen"),
        ("fold", "vanilla_cnn-fold-6"),
    ):
        assert short.lock(stage, variant) in locks
    assert not set(locks) & set(locks_of_run(long))


def test_where_settings_are_damaged_the_locks_that_were_taken_count(tmp_path: Path) -> None:
    run = put_run(Home(tmp_path), "night", folds=2, split="grouped")
    longer = run.home.run("night-fold-vanilla_cnn")
    run.lock("fold", "vanilla_cnn-fold-7").touch()
    longer.lock("fold", "vanilla_cnn-fold-9").touch()
    flip_bit(run.config)
    locks = locks_of_run(run)
    assert run.lock("fold", "mobilenetv2_frozen-fold-7") in locks
    assert run.lock("fold", "vanilla_cnn-fold-8") not in locks
