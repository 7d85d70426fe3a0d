"""The command `watch-run`: a run in the terminal while it goes on."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.cli.main import main
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from tests.cli.screen import opened_screen
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import filled
from tests.watching.told import begin_run, fail, finish, told, told_epochs

NAME = "mobilenetv2_frozen"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run = begin_run(Home(tmp_path), variants=NAME, folds=3)
    told(run, "ingest", "start")
    finish(run, "ingest")
    told(run, "ingest", text="40 images")
    told(run, "train", "start", variant=NAME)
    told_epochs(run, range(1, 8), variant=NAME, fit="fold 2 of 3", n_epochs=50)
    return run


@pytest.fixture(scope="module")
def template_run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    run, config = draw_run(tmp_path_factory.mktemp("whole"), Drawing(), key="first")
    finish_report(run, config)
    return run


def watch(run: RunPaths, *flags: str) -> int:
    return main(["watch-run", run.key, "--home", str(run.home.root), *flags], environ={})


def flat(text: str) -> str:
    return " ".join(text.split())


def test_once_shows_every_task_and_leaves_it_at_that(
    run: RunPaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    fail(run, "audit", message="The audit broke.\nA rule.\nA remedy.")
    told(run, "audit", "failed")
    watch(run, "--once")
    shown = flat(capsys.readouterr().out)
    assert "synthetic" in shown
    assert "ingest done 40 images" in shown
    assert f"train {NAME} cut off" in shown  # its events are of 2026-01-01
    assert "vanilla_cnn not selected" in shown
    assert "audit failed: The audit broke. A rule. A remedy." in shown


def test_a_run_that_has_ended_ends_the_watching(
    run: RunPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(run) == 1
    assert "The run mine was cut off." in capsys.readouterr().out
    for stage in ("split", "audit", "evaluate", "report", "promote"):
        finish(run, stage)
    finish(run, "train", NAME)
    told(run, "train", variant=NAME)
    assert watch(run) == 0
    out = capsys.readouterr().out
    assert "The run mine is finished." in out
    assert str(run.report / "index.html") in out


def test_a_damaged_record_is_told_once_at_the_end(
    run: RunPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in (["--once"], []):
        watch(run, *flags)
        shown = capsys.readouterr().out
        assert shown.count("A record cannot be read: ingest/ingest.json is not what") == 1


def test_text_from_files_moves_nothing_in_the_terminal(
    run: RunPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(run, "audit", message="\x1b[2JThe audit broke.\n\x1b]0;mine\x07A rule.")
    told(run, "audit", "failed")
    told(run, "split", "note", "\x1b[31mreads")
    for flags in (["--once"], []):
        watch(run, *flags)
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert "\\x1b[2JThe audit broke." in shown
        assert "\n\\x1b]0;mine\\x07A rule." in shown


def test_the_verdict_of_a_finished_run_is_printed_once(
    template_run: RunPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(template_run, "--once")
    assert capsys.readouterr().out.count("Verdict: ") == 1


def test_a_run_that_waits_for_a_person_is_no_failure(
    run: RunPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in ("split", "audit", "evaluate", "report"):
        finish(run, stage)
    finish(run, "train", NAME)
    told(run, "train", variant=NAME)
    write_sealed_record(run.approval, filled(ApprovalRecord, answer=None, report_sha256="a" * 64))
    assert watch(run, "--once") == 0
    shown = flat(capsys.readouterr().out)
    assert "The run mine waits for a person to approve it: in Airflow" in shown
    assert "python -m cxr_tasks approval --run mine." in shown


def test_a_run_that_is_deleted_while_it_is_watched_is_gone(
    run: RunPaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(run, "train", "note", variant=NAME, at=time.time())
    monkeypatch.setattr(time, "sleep", lambda _seconds: shutil.rmtree(run.root))
    assert watch(run) == 1
    shown = capsys.readouterr().out
    assert "The run mine is gone: it was deleted, or has another name now." in shown
    assert "cut off" not in shown
    assert re.search("start +waiting", shown) is None


def test_ctrl_c_looks_before_it_says_how_the_run_is(
    run: RunPaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(run, "train", "note", variant=NAME, at=time.time())

    def interrupt(_seconds: float) -> None:
        shutil.rmtree(run.root)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    assert watch(run) == 0
    assert "No longer watched; the run mine is gone" in capsys.readouterr().out


def test_an_unknown_run_is_refused(run: RunPaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch-run", "other", "--home", str(run.home.root)], environ={}) == 2
    message = capsys.readouterr().err
    assert "There is no run 'other'" in message
    assert "Known runs, the newest last: mine." in message


def test_a_run_under_way_is_followed_line_by_line_and_ctrl_c_leaves_it_alone(run: RunPaths) -> None:
    from cxr_tasks.volume.progress import Progress

    progress = Progress(run.progress, "train", NAME, "fold 3 of 3", echo=lambda _: None)
    progress.emit("start", "started")  # now: it is at work
    watching = subprocess.Popen(
        [sys.executable, "-m", "cxr_tasks", "watch-run", run.key, "--home", str(run.home.root)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert watching.stdout is not None
    line = next(line for line in watching.stdout if NAME in line)
    assert re.match(r"\d\d:\d\d:\d\d  train mobilenetv2_frozen +running +fold 3 of 3: loads", line)
    finish(run, "audit")
    assert next(line for line in watching.stdout if "audit" in line and "done" in line)
    before = run.progress.read_bytes()
    watching.send_signal(signal.SIGINT)
    rest, _ = watching.communicate(timeout=30)
    assert "the run mine goes on" in rest
    assert watching.returncode == 0
    assert run.progress.read_bytes() == before


@pytest.mark.parametrize(("n_lines", "n_seen"), [(20, 4), (6, 1)])
def test_a_low_terminal_is_drawn_over_and_keeps_the_last_page_whole(
    tmp_path: Path, n_lines: int, n_seen: int
) -> None:
    run = begin_run(Home(tmp_path), folds=5, split="grouped")
    for variant in VARIANTS:
        for fit in ("fold 1 of 5", "fold 2 of 5"):
            told_epochs(run, range(1, 5), variant=variant, fit=fit, n_epochs=500, at=time.time())
    command = [sys.executable, "-m", "cxr_tasks", "watch-run", run.key, "--home", str(tmp_path)]
    with opened_screen(n_lines=n_lines, width=80) as screen:
        watching = screen.start(command, cwd=ROOT)
        screen.read_until(lambda: screen.written.count("Run mine") >= 3)
        shown = screen.drawn
        watching.send_signal(signal.SIGINT)
        screen.read_until(lambda: watching.poll() is not None)
        lines = screen.drawn.lines
    assert watching.returncode == 0
    assert shown.n_scrolled == 0
    assert sum("Run mine" in line for line in shown.lines) == 1
    assert sum("fold 2 of 5" in line and line.endswith("…") for line in shown.lines) == n_seen
    assert sum("Run mine" in line for line in lines) == 1
    assert sum("0.500, validation 0.600" in line for line in lines) == 4
    assert "…" not in "".join(lines)
    assert lines[-2] == "No longer watched; the run mine goes on."
