"""At a run's end: whatever the server does costs a warning, never the run."""

from pathlib import Path

import pytest

from cxr_tasks.tracking.after_run import track_run
from cxr_tasks.tracking.server import URI
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import level_of, read_events
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.tracking.mlflow_server import Misbehaviour, MlflowServer, answer, hang_up


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    finish_report(run, config)
    return run


def test_nothing_happens_without_a_server(run: RunPaths) -> None:
    told: list[str] = []
    track_run(run, {}, echo=told.append)
    assert told == []
    assert not (run.root / "mlflow.json").exists()
    assert not run.progress.exists()


def test_what_is_sent_is_told(run: RunPaths, mlflow: MlflowServer) -> None:
    told: list[str] = []
    track_run(run, {URI: mlflow.address}, echo=told.append)
    (line,) = told
    assert line.startswith(f"track: sent to {mlflow.address}, experiment 'cxr_pipeline', run ")
    assert level_of(line) == "info"


@pytest.mark.parametrize(
    "misbehaviour", [hang_up, answer(500, b""), answer(200, b"<html>"), answer(200, b"{}")]
)
def test_what_goes_wrong_is_one_warning(
    run: RunPaths, mlflow: MlflowServer, misbehaviour: Misbehaviour
) -> None:
    mlflow.misbehave = misbehaviour
    told: list[str] = []
    track_run(run, {URI: mlflow.address}, echo=told.append)
    (line,) = told
    assert level_of(line) == "warning"
    assert line.startswith("track: Warning: not sent to MLflow. ")
    assert line.endswith(f"python -m cxr_tasks track --run {run.key}")
    ((event, _),) = read_events(run.progress)
    assert (event.stage, event.kind, event.level) == ("track", "failed", "warning")


def test_an_address_that_was_spoilt_meanwhile_is_a_warning_too(run: RunPaths) -> None:
    told: list[str] = []
    track_run(run, {URI: "mlruns"}, echo=told.append)
    assert [level_of(line) for line in told] == ["warning"]


def test_a_fault_of_this_project_is_a_warning_too(
    run: RunPaths, mlflow: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxr_tasks.tracking.sending.tracked_runs", lambda *_, **__: 1 / 0)
    told: list[str] = []
    track_run(run, {URI: mlflow.address}, echo=told.append)
    assert "ZeroDivisionError" in told[0]
