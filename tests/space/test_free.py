"""What `space --free` removes, and what it never does."""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from cxr_tasks.champion.restoring import retire
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.cli.main import main
from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.flow.process import StageError, run_stage
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.locks import volume_alone, volume_in_use
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import check_outputs, require_record
from tests.space.volume import (
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
    """Return the command on the test's volume; it returns what was printed."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(["space", "--home", str(home.root), "--free", *arguments], {}) == 0
        return capsys.readouterr().out

    return run


Free = Callable[..., str]


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
        dataset = home.datasets / champion.record.dataset
        check_outputs(dataset, require_record(dataset, DatasetRecord))
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


def test_while_somebody_works_nothing_goes(home: Home, free: Free) -> None:
    put_dataset(home, "unnamed")
    (home.datasets / ".77.building-abcd1234").mkdir()
    before = keys(home), names(home.datasets)
    with volume_in_use(home):
        printed = free("--keep-runs", "1")
        assert printed.startswith("Freed nothing: somebody works on the volume.")
        assert (keys(home), names(home.datasets)) == before
    free("--keep-runs", "1")
    assert (keys(home), names(home.datasets)) == ({"old", "new"}, {"of-old", "of-new"})


def test_a_free_moment_is_waited_for_and_what_is_named_by_then_stays(home: Home) -> None:
    put_dataset(home, "unnamed")
    with volume_in_use(home):
        process = process_of("space", "--home", str(home.root), "--free", "--wait", "1")
        time.sleep(1.5)
        assert process.poll() is None
        put_run(home, "late", dataset="unnamed")
    printed, _ = process.communicate(timeout=30)
    assert printed == "Freed 0 B: nothing.\n"
    assert "unnamed" in names(home.datasets)


def test_a_stage_waits_while_space_is_freed_and_finds_its_run_gone(
    home: Home, tmp_path: Path
) -> None:
    """What `space` does is done step by step here: it holds the volume, renames, and lets go."""
    run, lines = home.run("middle"), list[str]()

    def stage() -> None:
        with pytest.raises(StageError, match="There is no run 'middle'"):
            run_stage("split", run, on_line=lines.append)

    with volume_alone(home, wait_seconds=0) as is_alone:
        assert is_alone
        thread = Thread(target=stage)
        thread.start()
        while "space is being freed; waiting" not in lines:
            time.sleep(0.02)
        run.root.rename(tmp_path / "removed")
    thread.join()
    assert not run.root.exists()


def test_a_run_that_never_got_beyond_its_beginning_goes(home: Home, free: Free) -> None:
    put_run(home, "begun", finished=False, days_ago=35)
    free("--keep-runs", "1")
    assert keys(home) == {"old", "new"}


def test_where_a_record_is_damaged_no_data_set_goes(home: Home, free: Free) -> None:
    put_dataset(home, "unnamed")
    flip_bit(home.run("new").ingest / "ingest.json")
    assert "left: all data sets. " in free()
    assert "unnamed" in names(home.datasets)


def test_what_killed_work_left_goes_and_nobody_elses(home: Home, free: Free) -> None:
    left = (
        home.run("new").root / ".split.building-abcd1234",
        home.run("new").report / ".x.json.writing-abcd1234",
        home.champion / ".0002-new.building-abcd1234",
        home.datasets / ".77.replaced",
        home.cache / "kaggle" / ".owner.slug.building-abcd1234",
        home.root / ".watch.json.writing-abcd1234",
    )
    of_others = (
        home.root / ".x.building-abcd1234",
        home.root / "notes" / ".a.json.writing-abcd1234",
    )
    for path in (*left, *of_others):
        path.mkdir(parents=True)
    assert "removed: champion/.0002-new.building-abcd1234, " in free()
    assert [path for path in left if path.exists()] == []
    assert all(path.exists() for path in of_others)


def test_activations_stay_of_the_champion_the_newest_and_runs_going_on(
    home: Home, free: Free
) -> None:
    for name, days_ago in (("begun", 6), ("abandoned", 8), ("other", 60)):
        put_dataset(home, f"of-{name}")
        put_run(home, name, dataset=f"of-{name}", days_ago=days_ago, finished=name == "other")
    for name in ("old", "middle", "new", "begun", "abandoned", "other"):
        put_activations(home, f"see-{name}", dataset=f"of-{name}")
    put_activations(home, "see-nothing", dataset="no data set any more")
    free()
    assert names(home.cache / "activations") == {"see-old", "see-new", "see-begun"}


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


_DIE = """
import os, signal
from cxr_tasks.space import freeing

def remove_a_part(path):
    next(file for file in path.rglob("*") if file.is_file()).unlink()
    os.kill(os.getpid(), signal.SIGKILL)

freeing.shutil.rmtree = remove_a_part
"""


def test_what_a_killed_one_began_the_next_one_ends(home: Home, free: Free) -> None:
    killed = process_of("space", "--home", str(home.root), "--free", "--keep-runs", "1", code=_DIE)
    killed.communicate()
    assert killed.returncode == -9
    left = [name for name in names(home.root / "runs") if name.startswith(".middle.removed-")]
    assert len(left) == 1
    assert keys(home) == {"old", "new"}
    assert f"removed: runs/{left[0]}, " in free("--keep-runs", "1")
    assert names(home.root / "runs") == {"old", "new"}
    assert names(home.datasets) == {"of-old", "of-new"}


def test_what_cannot_be_removed_is_told_and_fails(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_from: Path, _to: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "rename", refuse)
    status = main(["space", "--home", str(home.root), "--free", "--keep-runs", "1"], {})
    printed = capsys.readouterr()
    assert status == 2
    assert "not removed: run " in printed.out
    assert "1 could not be removed" in printed.err
    assert keys(home) == {"old", "middle", "new"}
    assert "of-middle" in names(home.datasets)


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
