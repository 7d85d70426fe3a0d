"""A run sent to a server: what arrives there, and that nothing of it ever is there twice."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cxr_tasks.errors import CxrError, TrackingError
from cxr_tasks.reporting.report_record import LABELS_PAGE, ReportRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.tracking.sending import send_run
from cxr_tasks.tracking.server import Server
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.record_model import write_sealed_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.tracking.mlflow_server import MlflowServer, StoredRun, answer

Drawn = tuple[RunPaths, RunConfig]


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    finish_report(run, config)
    return run, config


def send(run: RunPaths, mlflow: MlflowServer, *, ended: bool = True, models: bool = False) -> str:
    server = Server(mlflow.address, with_models=models)
    return send_run(run, server, ended=ended, note=print)


def test_a_whole_run_arrives_with_its_figures_and_files(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, config = drawn
    assert mlflow.address in send(run, mlflow)
    report = ReportRecord.model_validate_json((run.report / "report.json").read_bytes())
    whole = mlflow.named(run.key)
    assert whole.info["status"] == "FINISHED"
    assert whole.params["seed"] == str(config.seed)
    assert whole.params.keys() == config.as_dict().keys()
    assert whole.tags["cxr.verdict"] == report.audit.verdict
    assert whole.tags["cxr.data"] == report.data.fingerprint
    assert whole.tags["cxr.shown"] == report.shown_name
    accuracy = report.shown.headline.accuracy
    assert accuracy.interval
    assert whole.last["accuracy"] == accuracy.value
    assert [whole.last["accuracy_low"], whole.last["accuracy_high"]] == accuracy.interval
    for name, variant in report.trained.items():
        assert whole.last[f"{name}/roc_auc"] == variant.headline.roc_auc.value
    for name in ("index.html", LABELS_PAGE, "report.json", "table.csv", "model_card.md"):
        assert mlflow.file(whole, name) == (run.report / name).read_bytes()


def test_each_variant_has_a_run_below_with_its_epochs(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    send(run, mlflow)
    whole = mlflow.named(run.key)
    for name in VARIANTS:
        below = mlflow.named(name)
        assert below.tags["mlflow.parentRunId"] == whole.info["run_id"]
        assert below.params["learning_rate"]
        assert below.last["accuracy"] == whole.last[f"{name}/accuracy"]
        history = pd.read_csv(run.train(name) / "history.csv")
        assert below.curve("epoch/val_loss") == list(
            zip(history["epoch"], history["val_loss"], strict=True)
        )


def test_synthetic_images_are_told_with_every_run(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    send(run, mlflow)
    for each in mlflow.runs.values():
        assert each.tags["cxr.synthetic"] == "yes"
        assert each.tags["mlflow.note.content"].startswith("**Synthetic images")
        assert "not a medical device" in each.tags["mlflow.note.content"]
        assert {name for name, _ in each.datasets} == {"phantom (synthetic)"}


def test_real_images_are_not_called_synthetic(tmp_path: Path, mlflow: MlflowServer) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48, synthetic=False))
    finish_report(run, config)
    send(run, mlflow)
    note = mlflow.named(run.key).tags["mlflow.note.content"]
    assert mlflow.named(run.key).tags["cxr.synthetic"] == "no"
    assert "ynthetic" not in note.partition("\n\n")[0]
    assert "Verdict: " in note


def as_seen(mlflow: MlflowServer) -> list[StoredRun]:
    return list(mlflow.runs.values())


def test_sent_twice_nothing_is_there_twice(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    send(run, mlflow)
    before = {key: dict(each.points) for key, each in mlflow.runs.items()}
    n_points = sum(len(points) for each in mlflow.runs.values() for points in each.points.values())
    send(run, mlflow)
    assert {key: dict(each.points) for key, each in mlflow.runs.items()} == before
    assert n_points == sum(
        len(points) for each in mlflow.runs.values() for points in each.points.values()
    )
    assert len(mlflow.runs) == 1 + len(VARIANTS)


def test_a_copy_of_the_volume_is_the_same_run_and_another_of_its_name_is_not(
    drawn: Drawn, mlflow: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run, _ = drawn
    send(run, mlflow)
    other, config = draw_run(tmp_path_factory.mktemp("other"), Drawing(n_images=48))
    finish_report(other, config)
    send(other, mlflow)
    assert len(mlflow.runs) == 2 * (1 + len(VARIANTS))
    shutil.copy(run.root / "mlflow.json", other.root / "mlflow.json")
    send(other, mlflow)
    assert len(mlflow.runs) == 2 * (1 + len(VARIANTS))


def test_a_run_that_failed_arrives_as_far_as_it_came_and_later_whole(
    tmp_path: Path, mlflow: MlflowServer
) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    shutil.move(run.evaluate, tmp_path / "evaluate")
    error = {"message": "DataError: too few.\nThe rule.\nThe remedy.", "exit_code": 2}
    write_json(run.error("evaluate"), error)
    send(run, mlflow)
    whole = mlflow.named(run.key)
    assert whole.info["status"] == "FAILED"
    assert whole.tags["cxr.errors"] == "evaluate: DataError: too few."
    assert "DataError: too few" in whole.tags["mlflow.note.content"]
    assert whole.points == {}
    assert mlflow.named("vanilla_cnn").info["status"] == "FINISHED"
    assert mlflow.named("vanilla_cnn").points["epoch/loss"]
    run.error("evaluate").unlink()
    shutil.move(tmp_path / "evaluate", run.evaluate)
    finish_report(run, config)
    send(run, mlflow)
    assert mlflow.named(run.key) is whole
    assert whole.info["status"] == "FINISHED"
    assert whole.tags["cxr.errors"] == "none"
    assert whole.points["accuracy"]


def test_a_variant_that_failed_says_why(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    error = {"message": "TrainingError: no memory.\nThe rule.\nThe remedy.", "exit_code": 2}
    write_json(run.error("train", "vanilla_cnn"), error)
    shutil.rmtree(run.train("vanilla_cnn"))
    send(run, mlflow)
    failed = mlflow.named("vanilla_cnn")
    assert failed.info["status"] == mlflow.named(run.key).info["status"] == "FAILED"
    assert failed.tags["cxr.errors"] == "TrainingError: no memory."
    assert "epoch/loss" not in failed.points


@pytest.mark.parametrize(
    ("stopped", "ended", "status"),
    [(None, True, "FAILED"), (None, False, "RUNNING"), (True, True, "KILLED")],
)
def test_a_run_without_its_end_is_failed_running_or_killed(
    tmp_path: Path, mlflow: MlflowServer, stopped: bool | None, ended: bool, status: str
) -> None:
    run, _ = draw_run(tmp_path, Drawing(n_images=48))
    if stopped:
        write_json(run.error("report"), {"message": "Stopped.", "stopped": True})
    send(run, mlflow, ended=ended)
    whole = mlflow.named(run.key)
    assert whole.info["status"] == status
    assert ("end_time" in whole.info) == (status != "RUNNING")


def test_a_run_lasts_as_long_as_its_events(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    times = iter((1000.0, 1060.5))
    for _ in range(2):
        Progress(run.progress, "ingest", echo=str, clock=lambda: next(times)).note("so far")
    Progress(run.progress, "track", echo=str).note("sent before")
    send(run, mlflow)
    info = mlflow.named(run.key).info
    assert (info["start_time"], info["end_time"]) == (1_000_000, 1_060_500)


def test_a_figure_that_has_changed_is_the_last_there(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    Progress(run.progress, "ingest", echo=str, clock=lambda: 1000.0).note("begun")
    send(run, mlflow)
    whole = mlflow.named(run.key)
    ((step, at, value),) = whole.points["roc_auc"]
    whole.points["roc_auc"] = {(step, at, value + 1)}  # as if another report had been sent
    send(run, mlflow)
    assert whole.last["roc_auc"] == value
    assert len(whole.points["roc_auc"]) == 2


def test_what_was_cut_short_is_gone_on_with(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    send(run, mlflow)
    below = mlflow.named("mobilenetv2_frozen")
    whole_curve = below.curve("epoch/loss")
    below.points["epoch/loss"] = {each for each in below.points["epoch/loss"] if each[0] <= 5}
    del below.points["epoch/val_loss"]
    send(run, mlflow)
    assert below.curve("epoch/loss") == whole_curve
    assert len(below.curve("epoch/val_loss")) == len(whole_curve)


def test_long_curves_take_several_requests(
    drawn: Drawn, mlflow: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = drawn
    monkeypatch.setattr("cxr_tasks.tracking.mlflow.MAX_METRICS", 10)
    send(run, mlflow)
    n_points = sum(len(each) for each in mlflow.named(run.key).points.values())
    assert mlflow.calls.count("/runs/log-batch") >= n_points / 10
    history = pd.read_csv(run.train("vanilla_cnn") / "history.csv")
    assert len(mlflow.named("vanilla_cnn").curve("epoch/loss")) == len(history)


def test_models_are_sent_where_they_are_wanted(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    send(run, mlflow)
    assert not [name for name in mlflow.files if name.endswith(".keras")]
    send(run, mlflow, models=True)
    sent = mlflow.file(mlflow.named("vanilla_cnn"), "model/model.keras")
    assert sent == (run.train("vanilla_cnn") / "model.keras").read_bytes()


def test_files_that_go_elsewhere_are_left_out_with_a_warning(
    drawn: Drawn, mlflow: MlflowServer
) -> None:
    run, _ = drawn
    mlflow.artifacts = "s3://bucket"
    told: list[str] = []
    send_run(run, Server(mlflow.address), ended=True, note=told.append)
    assert mlflow.files == {}
    assert mlflow.named(run.key).info["status"] == "FINISHED"
    (line,) = told
    assert line.startswith(f"Warning: files of {run.key} are not sent: ")
    assert "elsewhere (s3)" in line


def test_a_deleted_experiment_is_told(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    mlflow.experiments["cxr_pipeline"] = {"experiment_id": "1", "lifecycle_stage": "deleted"}
    with pytest.raises(TrackingError, match="'cxr_pipeline' was deleted"):
        send(run, mlflow)


@pytest.mark.parametrize("body", [b"{}", b'{"experiment": 5}', b'{"runs": 1, "run": {}}'])
def test_an_object_that_is_no_answer_is_told(
    drawn: Drawn, mlflow: MlflowServer, body: bytes
) -> None:
    run, _ = drawn
    mlflow.misbehave = answer(200, body)
    with pytest.raises(TrackingError, match="answers otherwise than MLflow does"):
        send(run, mlflow)


@pytest.mark.parametrize(
    "artifacts", ["mlflow-artifacts:\ud800", "mlflow-artifacts:\x1b[2J", "x" * 3000]
)
def test_a_place_of_files_that_is_none_is_no_mlflow(
    drawn: Drawn, mlflow: MlflowServer, artifacts: str
) -> None:
    run, _ = drawn
    mlflow.artifacts = artifacts
    with pytest.raises(TrackingError, match="answers otherwise than MLflow does"):
        send(run, mlflow)


def test_files_kept_at_an_address_that_is_none_are_not_sent(
    drawn: Drawn, mlflow: MlflowServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = drawn
    mlflow.artifacts = "mlflow-artifacts://[bad"
    send(run, mlflow)
    assert not mlflow.files
    assert "are not sent: the server keeps them elsewhere" in capsys.readouterr().out


def test_an_experiment_that_is_there_and_is_not_is_an_error(
    drawn: Drawn, mlflow: MlflowServer
) -> None:
    run, _ = drawn
    deny = answer(400, b'{"error_code": "RESOURCE_ALREADY_EXISTS", "message": "It exists"}')
    absent = answer(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "None"}')
    mlflow.misbehave = lambda handler: (absent if handler.command == "GET" else deny)(handler)
    with pytest.raises(TrackingError, match="It exists"):
        send(run, mlflow)


def test_a_damaged_record_is_told(drawn: Drawn, mlflow: MlflowServer) -> None:
    run, _ = drawn
    path = run.report / "report.json"
    path.write_text(path.read_text().replace('"quickstart"', '"honest"'))
    with pytest.raises(CxrError, match=r"report\.json"):
        send(run, mlflow)


def test_a_run_that_only_repeats_another_is_not_sent(drawn: Drawn, mlflow: MlflowServer) -> None:
    from cxr_tasks.runs.ingest_record import IngestRecord
    from cxr_tasks.volume.records import require_record

    run, _ = drawn
    record = require_record(run.ingest, IngestRecord)
    repeated = record.model_copy(update={"unchanged_since": "earlier"})
    write_sealed_record(run.ingest / IngestRecord.FILE, repeated)
    assert "Nothing has changed since 'earlier'" in send(run, mlflow)
    assert mlflow.calls == []
