"""Stages that run at once: each is told of, one that fails costs no other, none is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from cxr_tasks.flow.pipeline import Stage, run_at_once
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events
from tests.test_stopped import WITHIN_SECONDS, _is_alive_in_group

VARIANT = "vanilla_cnn"
LANES: list[list[Stage]] = [[("audit", None)], [("train", VARIANT)]]

_SLEEP = "import time; print('asleep', flush=True); time.sleep(60)"


def instead(folder: Path, *stages: str, code: str) -> dict[str, str]:
    """Return an environment in which the processes of these stages run some code instead."""
    place = folder / "sitecustomize"
    place.mkdir()
    begins = f"import sys\nif {{*{stages!r}}} & {{*sys.argv}}:\n    exec({code!r})\n"
    (place / "sitecustomize.py").write_text(begins)
    return {**os.environ, "PYTHONPATH": str(place)}


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return start_run(make_config({"variants": VARIANT}), Home(tmp_path), "first")


def test_stage_that_fails_is_told_of_while_the_other_goes_on(run: RunPaths, tmp_path: Path) -> None:
    until = f"""
import os, pathlib, time
while not pathlib.Path({str(run.error("audit"))!r}).exists(): time.sleep(0.02)
print('the audit has failed', flush=True)
os._exit(0)
"""
    told: list[str] = []
    environ = instead(tmp_path, "train", code=until)
    run_at_once(LANES, run, environ=environ, on_line=told.append)
    assert "the audit has failed" in told
    assert [line for line in told if line.startswith("ArtifactError: The stage 'ingest'")]
    assert read_json(run.error("audit"))["exit_code"] == 2
    assert not run.error("train", VARIANT).exists()


def test_stages_of_a_lane_follow_each_other_whatever_happens_to_them(run: RunPaths) -> None:
    lane: list[Stage] = [("audit", None), ("train", VARIANT), ("evaluate", None)]
    run_at_once([lane], run, environ=os.environ, on_line=lambda _: None)
    events = [(event.name, event.kind) for event, _ in read_events(run.progress)]
    names = ["audit", f"train {VARIANT}", "evaluate"]
    assert events == [(name, kind) for name in names for kind in ("start", "failed")]


def test_nothing_runs_on_where_nobody_can_be_told(run: RunPaths, tmp_path: Path) -> None:
    def full(line: str) -> None:
        if line == "asleep":
            raise OSError("no space left on device")

    environ = instead(tmp_path, "train", code=_SLEEP)
    started = time.monotonic()
    with pytest.raises(OSError, match="no space"):
        run_at_once([[("train", VARIANT)]], run, environ=environ, on_line=full)
    assert time.monotonic() - started < WITHIN_SECONDS
    assert "no space" in read_json(run.error("train", VARIANT))["message"]


# As a person's terminal: one process group, which a Ctrl-C interrupts as a whole.
_RUN = """
import os, sys
from pathlib import Path
from cxr_tasks.volume.paths import Home
from cxr_tasks.flow.pipeline import Stage, run_at_once
run = Home(Path(sys.argv[1])).run("first")
lanes = [[("audit", None)], [("train", "vanilla_cnn")]]
run_at_once(lanes, run, environ=os.environ, on_line=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)]
)
def test_whoever_stops_a_run_stops_all_its_stages(
    run: RunPaths, tmp_path: Path, send: object, number: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        env=instead(tmp_path, "audit", "train", code=_SLEEP),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    asleep = (line for line in process.stdout or () if line == "asleep\n")
    assert [next(asleep), next(asleep)]
    assert callable(send)
    send(process.pid, number)
    process.communicate(timeout=WITHIN_SECONDS)
    assert _members(process.pid) == []
    stages: list[Stage] = [("audit", None), ("train", VARIANT)]
    for stage, variant in stages:
        assert read_json(run.error(stage, variant))["stopped"]
    kinds = [event.kind for event, _ in read_events(run.progress)]
    assert kinds == ["start", "start", "stopped", "stopped"]


def _members(group: int) -> Sequence[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if _is_alive_in_group(path, group)]
