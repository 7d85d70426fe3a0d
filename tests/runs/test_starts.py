"""Who has begun a run, when and how."""

import getpass
from pathlib import Path

import pytest

from cxr_tasks.runs import starts
from cxr_tasks.runs.start import start_run
from cxr_tasks.runs.starts import Starter, at_the_command_line, note_start, read_starts
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from tests.stored import flip_bit

ADMIN = Starter("admin", "by hand", "manual__1")


def test_a_run_keeps_who_began_it_when_another_goes_on_with_it(tmp_path: Path) -> None:
    run = start_run(make_config({}), Home(tmp_path), "first", starter=ADMIN)
    config = run.config.read_bytes()
    start_run(make_config({}), Home(tmp_path), "first", starter=Starter("", "schedule", "x"))
    first, second = read_starts(run)
    assert (first.by, first.how, first.dag_run) == ("admin", "by hand", "manual__1")
    assert (second.by, second.how) == ("", "schedule")
    assert first.at <= second.at
    assert run.config.read_bytes() == config


def test_without_airflow_it_is_who_runs_the_process(tmp_path: Path) -> None:
    run = start_run(make_config({}), Home(tmp_path), "first")
    [start] = read_starts(run)
    assert (start.by, start.how, start.dag_run) == (getpass.getuser(), "command line", "")


def test_user_id_without_a_name_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name() -> str:
        raise KeyError("getpwuid(): uid not found: 50000")

    monkeypatch.setattr(getpass, "getuser", no_name)
    assert at_the_command_line("x") == Starter("", "command line", "x")


def test_a_damaged_record_is_not_known_and_begun_anew(tmp_path: Path) -> None:
    run = start_run(make_config({}), Home(tmp_path), "first", starter=ADMIN)
    flip_bit(run.starts)
    assert read_starts(run) == []
    start_run(make_config({}), Home(tmp_path), "first", starter=Starter("Bo", "by hand"))
    assert [start.by for start in read_starts(run)] == ["Bo"]


def test_the_first_start_and_the_latest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "_MAX_STARTS", 3)
    run = start_run(make_config({}), Home(tmp_path), "first", starter=ADMIN)
    for name in "abcd":
        note_start(run, Starter(name, "by hand"))
    assert [start.by for start in read_starts(run)] == ["admin", "c", "d"]
