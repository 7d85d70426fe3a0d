"""A small selection of `make chaos`, and that its checks can fail."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from chaos.aftermath import end, orphans_of, processes_of
from chaos.blows import KINDS, Struck, can_mount
from chaos.prefix import RUN, Prefix, Recipe, Step, environment, make_prefix
from chaos.results import add, table
from chaos.rot import Artifact, flip_and_mend
from chaos.struck import Blow
from chaos.through_airflow import _outcomes
from chaos.trial import Outcome, _look, only_here, try_once
from tests.stored import flip_bit

SPLIT = Step("split")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Prefix:
    recipe = Recipe("short", {"variants": "vanilla_cnn"}, (Step("ingest"), SPLIT), ())
    return make_prefix(recipe, tmp_path_factory.mktemp("chaos"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_stage_that_is_hit_is_gone_on_with(kind: str, prefix: Prefix) -> None:
    if kind == "full volume" and not can_mount():
        pytest.skip("no file system may be mounted here")
    rng = np.random.default_rng(1)
    tried = (try_once(kind, SPLIT, prefix, rng=rng) for _ in range(20))
    outcome = next(each for each in tried if each is not None)
    assert outcome == Outcome("split", kind, outcome.status, "", [], [], [], [], [])


@pytest.fixture
def home(prefix: Prefix, tmp_path: Path) -> Path:
    prefix.copy(tmp_path / "home")
    return tmp_path / "home"


def test_killed_ingestion_leaves_no_decoding_workers(home: Path) -> None:
    shutil.rmtree(home / "datasets")
    with subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", "ingest", "--run", RUN],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as ingesting:
        while not any("spawn_main" in told for told in processes_of(home)):
            assert ingesting.poll() is None
        ingesting.kill()
    until = time.monotonic() + 60  # a busy machine may need some seconds to end them
    while orphans_of(home) and time.monotonic() < until:
        time.sleep(0.1)
    assert orphans_of(home) == []


@pytest.fixture
def lingering(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "CXR_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environ
    ) as child:
        yield child
        child.kill()


@pytest.mark.slow
def test_every_fault_is_seen(
    home: Path, prefix: Prefix, lingering: subprocess.Popen[bytes]
) -> None:
    """Each kind of fault is planted once; a configuration that is damaged lets nothing go on."""
    run = home / "runs" / RUN
    split = run / "split" / "split.csv"
    split.write_text(split.read_text().replace("train", "val", 1))
    flip_bit(run / "config.json")
    (run / ".split.building-x1").mkdir()
    struck = Struck(True, 1, "Traceback (most recent call last):\nKeyError: 3")
    with FileLock(home / "locks" / "some.lock"):
        seen = _look("SIGKILL", SPLIT, prefix, home, struck)
    assert seen.unclear == "exit status 1: KeyError: 3"
    assert f"runs/{RUN}/split/split.csv" in seen.different_numbers
    assert seen.leftovers == [f"runs/{RUN}/.split.building-x1"]
    assert [told.split()[0] for told in seen.orphans] == [str(lingering.pid)]
    assert seen.locks_held == ["some.lock"]
    assert seen.false_wholes == [f"runs/{RUN}/config.json", f"runs/{RUN}/split/split.json"]
    assert "config.json" in seen.failed_again
    end(home)
    lingering.wait(timeout=60)
    assert orphans_of(home) == []
    first, second = _outcomes([SPLIT, SPLIT], prefix, home, "failed")
    assert (first.different_numbers, first.leftovers) == (seen.different_numbers, seen.leftovers)
    assert second == Outcome("split", first.kind, first.status, "", [], [], [], [], [])


def test_what_is_missing_counts_but_for_caches() -> None:
    assert only_here({"a"}, {"b", "cache/c"}) == {"a", "b"}


@pytest.mark.slow
def test_rot_that_is_not_noticed_or_not_mended_is_told(prefix: Prefix) -> None:
    split = f"runs/{RUN}/split/split.csv"
    rng = np.random.default_rng(1)
    # nobody who predicts reads a split, nor does restoring a champion make one
    found = flip_and_mend(Artifact(split, "predict", "split"), prefix, rng=rng)
    assert found is not None
    assert "not naming it" in found.not_noticed
    assert (found.not_mended, found.different_numbers) == ("", [])
    found = flip_and_mend(Artifact(split, "predict", "champion"), prefix, rng=rng)
    assert found is not None
    assert found.not_mended
    assert found.different_numbers == [split]


def test_blow_strikes_before_the_change_it_names(home: Path) -> None:
    """Before the second change there is one: the lock is taken, and nothing else is done."""
    shutil.rmtree(home / "runs" / RUN / "split")
    done = subprocess.run(
        [sys.executable, "-m", "chaos.struck", "split", "--run", RUN],
        env={**os.environ, "CXR_HOME": str(home), **Blow(9, 2).as_environment()},
        check=False,
    )
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


def test_the_documentation_quotes_the_committed_results() -> None:
    root = Path(__file__).parents[2]
    results = json.loads((root / "chaos" / "results.json").read_text())
    quoted = (root / "docs" / "reliability.md").read_text()
    rows = [" ".join(row.split()) for row in table(results).splitlines()]
    missing = [row for row in rows[:1] + rows[2:] if row not in quoted]
    assert not missing, "put the new table into docs/reliability.md, or restore chaos/results.json"
