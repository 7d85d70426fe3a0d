"""A small selection of `make chaos`, and that its checks can fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from chaos.aftermath import end, false_wholes_of, held_locks_of, orphans_of
from chaos.blows import KINDS, can_mount
from chaos.numbers import numbers_of, tree_of
from chaos.prefix import RUN, Prefix, Recipe, Step, make_prefix
from chaos.results import add, table
from chaos.struck import Blow
from chaos.trial import Outcome, try_once
from tests.stored import flip_bit

SPLIT = Step("split")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Prefix:
    recipe = Recipe("short", {"variants": "vanilla_cnn"}, (Step("ingest"), SPLIT), ())
    return make_prefix(recipe, tmp_path_factory.mktemp("chaos"))


@pytest.mark.parametrize("kind", KINDS)
def test_stage_that_is_hit_is_gone_on_with(kind: str, prefix: Prefix) -> None:
    if kind == "full volume" and not can_mount():
        pytest.skip("no file system may be mounted here")
    rng = np.random.default_rng(1)
    tried = (try_once(kind, SPLIT, prefix, rng=rng) for _ in range(20))
    outcome = next(each for each in tried if each is not None)
    assert outcome == Outcome("split", kind, outcome.status, "", [], [], [], [], [])


def test_kill_of_ingestion_leaves_no_decoding_workers(prefix: Prefix) -> None:
    outcome = try_once("SIGKILL", Step("ingest"), prefix, rng=np.random.default_rng(3))
    assert outcome is not None
    assert (outcome.orphans, outcome.leftovers, outcome.failed_again) == ([], [], "")


@pytest.fixture
def home(prefix: Prefix, tmp_path: Path) -> Path:
    prefix.copy(tmp_path / "home")
    return tmp_path / "home"


def test_other_numbers_are_seen(home: Path, prefix: Prefix) -> None:
    split = home / "runs" / RUN / "split" / "split.csv"
    split.write_text(split.read_text().replace("train", "val", 1))
    before, now = numbers_of(prefix.home), numbers_of(home)
    assert [name for name in now if now[name] != before[name]] == [f"runs/{RUN}/split/split.csv"]


def test_leftovers_are_seen(home: Path, prefix: Prefix) -> None:
    (home / "runs" / RUN / ".split.building-x1").mkdir()
    assert tree_of(home) - tree_of(prefix.home) == {f"runs/{RUN}/.split.building-x1"}


def test_false_wholes_are_seen(home: Path) -> None:
    assert false_wholes_of(home) == []
    flip_bit(home / "runs" / RUN / "split" / "split.csv")
    assert false_wholes_of(home) == [f"runs/{RUN}/split/split.json"]


def test_held_locks_are_seen(home: Path) -> None:
    assert held_locks_of(home) == []
    with FileLock(home / "locks" / "some.lock"):
        assert held_locks_of(home) == ["some.lock"]


@pytest.fixture
def lingering(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "CXR_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environ
    ) as child:
        yield child
        child.kill()


def test_orphans_are_seen_and_ended(home: Path, lingering: subprocess.Popen[bytes]) -> None:
    assert [told.split()[0] for told in orphans_of(home)] == [str(lingering.pid)]
    end(home)
    lingering.wait(timeout=10)
    assert orphans_of(home) == []


def test_blow_strikes_before_the_change_it_names(home: Path) -> None:
    """Before the second change there is one: the lock is taken, and nothing else is done."""
    shutil.rmtree(home / "runs" / RUN / "split")
    done = subprocess.run(
        [sys.executable, "-m", "chaos.struck", "split", "--run", RUN],
        env={**os.environ, "CXR_HOME": str(home), **Blow(9, 2).as_environment()}, check=False,
    )  # fmt: skip
    assert done.returncode == -9
    assert not (home / "runs" / RUN / "split").exists()


def test_results_add_up_over_seeds_and_count_each_fault(tmp_path: Path) -> None:
    good = Outcome("split", "SIGKILL", -9, "", [], [], [], [], [])
    bad = Outcome("train", "SIGTERM", -15, "", ["x.csv", "y.csv"], [], ["7 python"], [], [])
    path = tmp_path / "results.json"
    add([good, bad], seed=1, path=path)
    add([good], seed=2, path=path)
    results = add([good], seed=2, path=path)
    assert (results["kills"], results["different_numbers"], results["orphans"]) == (3, 1, 1)
    assert results["by_stage"]["split"]["kills"] == 2
    assert results["by_stage"]["train"]["different_numbers"] == 1
    assert table(results).splitlines()[-1].split("|")[1:4] == [
        " all     ",
        " 3   ",
        " 1                 ",
    ]
