"""What `space --free` removes, and what it never does."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from cxr_tasks.champion.restoring import retire
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.cli.main import main
from cxr_tasks.runs.run import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.space.locks import locks_of_run
from cxr_tasks.volume.locks import Holder
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import check_outputs, require_record
from tests.space.volume import (
    finish,
    held_elsewhere,
    keys,
    names,
    process_of,
    put_activations,
    put_champion,
    put_dataset,
    put_download,
    put_run,
)
from tests.stored import flip_bit


@pytest.fixture
def free(home: Home, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give the command on the test's volume; it returns what was printed."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(["space", "--home", str(home.root), "--free", *arguments], {}) == 0
        return capsys.readouterr().out

    return run


Free = Callable[..., str]
SPACE = ("space", "--home")


def test_without_a_rule_runs_and_what_they_name_stay(home: Home, free: Free) -> None:
    before = keys(home), names(home.datasets)
    assert "Freed 0 B: nothing." in free()
    assert (keys(home), names(home.datasets)) == before


def test_a_run_beyond_the_rule_goes_and_its_data_set_with_it(home: Home, free: Free) -> None:
    told = free("--keep-runs", "1")
    assert keys(home) == {"old", "new"}
    assert names(home.datasets) == {"of-old", "of-new"}
    assert "removed: runs/middle, " in told
    assert "removed: datasets/of-middle, " in told
    assert "1 run, 1 data set." in told


def test_champions_their_runs_and_data_survive_everything(home: Home, free: Free) -> None:
    put_champion(home, "middle", dataset="of-middle")
    free("--keep-runs", "1", "--keep-days", "1")
    for version in ("0001-old", "0002-middle"):
        champion = require_champion(home, version)
        dataset = home.datasets / champion.record["dataset"]
        check_outputs(dataset, require_record(dataset, "dataset"))
    assert keys(home) == {"old", "middle", "new"}


def test_what_a_retired_champion_was_made_from_survives_too(home: Home, free: Free) -> None:
    retire(home, reason="Masks.", now=datetime(2026, 1, 2, tzinfo=UTC))
    free("--keep-runs", "1", "--keep-days", "1")
    assert keys(home) == {"old", "new"}
    assert "of-old" in names(home.datasets)
    require_champion(home, "0001-old")


def test_a_data_set_of_a_version_stays_though_its_run_is_gone(home: Home, free: Free) -> None:
    shutil.rmtree(home.run("old").root)
    free()
    assert "of-old" in names(home.datasets)


@pytest.mark.parametrize("stage", [("failure", None), ("train", "vanilla_cnn")])
def test_a_run_that_somebody_works_on_survives_and_is_named(
    home: Home, free: Free, stage: tuple[str, str | None]
) -> None:
    with held_elsewhere(home.run("middle").lock(*stage)):
        told = free("--keep-runs", "1")
        assert "in use, left: runs/middle" in told
        assert "1 left because somebody works on them." in told
        assert (keys(home), len(names(home.datasets))) == ({"old", "middle", "new"}, 3)
    free("--keep-runs", "1")
    assert keys(home) == {"old", "new"}


def test_the_lock_of_a_run_of_a_longer_name_is_not_its_own(home: Home, free: Free) -> None:
    longer = put_run(home, "middle-train", days_ago=20, dataset="of-new")
    with held_elsewhere(longer.lock("train", "vanilla_cnn")):
        free("--keep-runs", "1", "--keep-days", "35")
    assert keys(home) == {"old", "middle-train", "new"}


def test_while_a_run_is_ingested_what_it_may_name_stays(home: Home, free: Free) -> None:
    begun = put_run(home, "begun", finished=False)
    put_dataset(home, "just-made")
    with held_elsewhere(begun.lock("ingest")):
        told = free("--keep-runs", "1")
        assert "left: all data sets. The run begun is being ingested." in told
        assert "just-made" in names(home.datasets)
        assert "middle" in keys(home)
    free("--keep-runs", "1")
    assert names(home.datasets) == {"of-old", "of-new"}


def test_a_run_that_never_got_beyond_its_beginning_goes(home: Home, free: Free) -> None:
    put_run(home, "begun", finished=False, days_ago=35)
    free("--keep-runs", "1")
    assert keys(home) == {"old", "new"}


def test_what_is_wanted_after_all_stays(
    home: Home, free: Free, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice and the lock a run may have been ingested that names the data set."""
    put_dataset(home, "unnamed")
    take_all = Holder.take_all

    def late(holder: Holder, locks: Sequence[Path]) -> bool:
        if "late" not in keys(home):
            put_run(home, "late", dataset="unnamed")
        return take_all(holder, locks)

    monkeypatch.setattr(Holder, "take_all", late)
    assert "Freed 0 B: nothing." in free()
    assert "unnamed" in names(home.datasets)


def test_where_a_record_is_damaged_no_data_set_goes(home: Home, free: Free) -> None:
    put_dataset(home, "unnamed")
    flip_bit(home.run("new").ingest / "ingest.json")
    assert "left: all data sets. " in free()
    assert "unnamed" in names(home.datasets)


def test_what_killed_work_left_goes_unless_its_maker_lives(home: Home, free: Free) -> None:
    run, version = home.run("new"), home.champion / ".0002-new.building-abcd1234"
    split, table = run.root / ".split.building-abcd1234", run.report / ".x.json.writing-abcd1234"
    for folder in (split, version, home.datasets / ".77.replaced"):
        folder.mkdir()
    table.touch()
    with held_elsewhere(home.locks / "champion.lock"):
        told = free()
    assert [path for path in (split, table) if path.exists()] == []
    assert version.exists()
    assert f"in use, left: champion/{version.name}" in told
    assert names(home.datasets) == {"of-old", "of-middle", "of-new"}
    free()
    assert not version.exists()


def test_activations_stay_of_the_champion_the_newest_and_runs_at_work(
    home: Home, free: Free
) -> None:
    for name, days_ago in (("begun", 6), ("abandoned", 8), ("resumed", 60), ("other", 60)):
        put_dataset(home, f"of-{name}")
        finished = name in ("resumed", "other")
        put_run(home, name, dataset=f"of-{name}", days_ago=days_ago, finished=finished)
    for name in ("old", "middle", "new", "begun", "abandoned", "resumed", "other"):
        put_activations(home, f"see-{name}", dataset=f"of-{name}")
    put_activations(home, "see-nothing", dataset="no data set any more")
    with held_elsewhere(home.run("resumed").lock("train", "mobilenetv2_frozen")):
        free()
    assert names(home.cache / "activations") == {"see-old", "see-new", "see-begun", "see-resumed"}


def test_activations_that_somebody_looks_up_stay(home: Home, free: Free) -> None:
    put_activations(home, "see", dataset="no data set any more")
    with held_elsewhere(home.locks / "activations-see.lock"):
        assert "in use, left: cache/activations/see" in free()
    assert names(home.cache / "activations") == {"see"}


def test_downloads_stay_that_runs_or_schedules_come_from(home: Home, free: Free) -> None:
    handles = ("a/of-a-run", "b/scheduled", "c/external/3", "c/external", "d/nobodys", "d/other/2")
    for handle in handles:
        put_download(home, handle)
    (home.cache / "kaggle" / ".d.nobodys.partial").mkdir()
    put_run(
        home,
        "from-kaggle",
        source="kaggle",
        kaggle_dataset="a/of-a-run",
        external_source="kaggle",
        external_data="c/external/versions/3",
        external_preset="radiography",
    )
    (home.root / "defaults.toml").write_text('source = "kaggle"\nkaggle_dataset = "b/scheduled"')
    free()
    left = {name for name in names(home.cache / "kaggle") if not name.endswith(".lock")}
    assert left == {"a.of-a-run", "b.scheduled", "c.external.3"}


def test_the_operators_rule_counts_and_a_flag_counts_more(home: Home, free: Free) -> None:
    (home.root / "defaults.toml").write_text("[retention]\nkeep_runs = 1\nkeep_days = 35")
    free("--keep-days", "45")
    assert keys(home) == {"old", "middle", "new"}
    free()
    assert keys(home) == {"old", "new"}


def test_a_stage_that_waited_finds_its_run_gone(home: Home, tmp_path: Path) -> None:
    """What `space` does is done step by step here: it holds the locks, renames, and lets go."""
    run = home.run("middle")
    with held_elsewhere(run.lock("split")):
        stage = process_of("split", "--home", str(home.root), "--run", run.key)
        assert stage.stdout is not None
        assert "another process is at it; waiting" in stage.stdout.readline()
        run.root.rename(tmp_path / "removed")
    _, told = stage.communicate()
    assert stage.returncode == 2
    assert f"There is no run '{run.key}'" in told


def test_lock_files_stay_since_somebody_may_wait_for_one(home: Home, free: Free) -> None:
    locks = locks_of_run(home.run("middle"))
    free("--keep-runs", "1")
    assert "middle" not in keys(home)
    assert all(lock.exists() for lock in locks)


def test_a_reader_sees_a_run_whole_or_not_at_all(home: Home, free: Free) -> None:
    folder = home.run("middle").root / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / str(number)).touch()
    seen: set[int] = set()

    def look() -> None:
        while True:
            try:
                seen.add(len(list(folder.iterdir())))
            except FileNotFoundError:
                return

    reader = Thread(target=look)
    reader.start()
    free("--keep-runs", "1", "--keep-days", "20")
    reader.join()
    assert seen == {3000}


def test_two_at_once_remove_everything_once(home: Home) -> None:
    for number in range(20):
        put_dataset(home, f"unnamed-{number:02}")
    with held_elsewhere(home.locks / "space.lock"):
        both = [process_of(*SPACE, str(home.root), "--free", "--keep-runs", "1") for _ in range(2)]
        for process in both:
            assert process.stdout is not None
            assert "another process is freeing space" in process.stdout.readline()
        assert len(names(home.datasets)) == 23
    told = [process.communicate()[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    removed = [line for lines in told for line in lines if line.startswith("removed: ")]
    assert len(removed) == len(set(removed)) == 22
    assert names(home.datasets) == {"of-old", "of-new"}


_DIE = """
import os, signal
from cxr_tasks.space import freeing

def remove_a_part(path):
    next(file for file in path.rglob("*") if file.is_file()).unlink()
    os.kill(os.getpid(), signal.SIGKILL)

freeing.shutil.rmtree = remove_a_part
"""


def test_what_a_killed_one_began_the_next_one_ends(home: Home, free: Free) -> None:
    killed = process_of(*SPACE, str(home.root), "--free", "--keep-runs", "1", code=_DIE)
    killed.communicate()
    assert killed.returncode == -9
    left = [name for name in names(home.root / "runs") if name.startswith(".middle.removed-")]
    assert len(left) == 1
    assert keys(home) == {"old", "new"}
    assert f"removed: runs/{left[0]}, " in free("--keep-runs", "1")
    assert names(home.root / "runs") == {"old", "new"}
    assert names(home.datasets) == {"of-old", "of-new"}


def test_what_cannot_be_removed_is_told_and_fails(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.locks / "run-middle-audit.lock").mkdir()
    status = main(["space", "--home", str(home.root), "--free", "--keep-runs", "1"], {})
    told = capsys.readouterr()
    assert status == 2
    assert "not removed: run " in told.out
    assert "1 could not be removed" in told.err
    assert keys(home) == {"old", "middle", "new"}


def test_paths_of_elsewhere_are_not_followed(home: Home, free: Free, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (home.datasets / "link").symlink_to(tmp_path / "elsewhere")
    (home.datasets / ".77.building-abcd1234").symlink_to(tmp_path / "elsewhere")
    free()
    assert (tmp_path / "elsewhere" / "file").exists()
    assert ".77.building-abcd1234" not in names(home.datasets)


def test_a_run_that_another_may_have_the_results_of_stays(home: Home, free: Free) -> None:
    again = put_run(home, "again", unchanged_since="middle")
    flip_bit(again.ingest / "ingest.json")
    assert "left: all runs. " in free("--keep-runs", "1")
    assert "middle" in keys(home)


def test_an_ingestion_that_ends_between_two_looks_counts(
    home: Home, free: Free, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, looks = put_run(home, "begun", finished=False), list[Path]()

    def late(lock: Path) -> bool:
        looks.append(lock)
        if len(looks) == 2:  # the first is before the locks of what goes are taken
            facts = {"dataset": None, "external": None, "champion": None}
            finish(begun.ingest, "ingest", facts | {"unchanged_since": "middle"})
        return False

    monkeypatch.setattr("cxr_tasks.space.plan.is_taken", late)
    free("--keep-runs", "1")
    assert "middle" in keys(home)


def test_a_run_that_is_linked_keeps_its_data_set_and_stays(
    home: Home, free: Free, tmp_path: Path
) -> None:
    middle = home.run("middle").root
    middle.rename(tmp_path / "moved")
    middle.symlink_to(tmp_path / "moved")
    free("--keep-runs", "1")
    assert middle.is_symlink()
    assert (tmp_path / "moved" / "ingest" / "ingest.json").exists()
    assert "of-middle" in names(home.datasets)


def test_a_run_that_is_started_again_has_changed_now(home: Home, free: Free) -> None:
    put_run(home, "begun", finished=False, days_ago=300)
    start_run(make_config({"threads": 2}), home, "begun")
    free("--keep-runs", "1")
    assert "begun" in keys(home)


def test_many_runs_with_many_folds_go_with_few_open_files(home: Home) -> None:
    for number in range(12):
        put_run(home, f"folded-{number}", days_ago=50, folds=5, repeats=2, split="grouped")
    done = subprocess.run(
        [
            "/bin/bash",
            "-c",
            'ulimit -n 400 && exec "$@"',
            "bash",
            sys.executable,
            "-m",
            "cxr_tasks",
            "space",
            "--home",
            str(home.root),
            "--free",
            "--keep-runs",
            "1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert keys(home) == {"old", "new"}
