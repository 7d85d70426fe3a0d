"""The command `track`, and that a mistake in the server's address is told before a run begins."""

from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.tracking.server import URI
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.tracking.mlflow_server import answer, serving


def test_a_run_is_sent_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    finish_report(run, config)
    with serving() as server:
        environ = {URI: server.address, "CXR_HOME": str(tmp_path)}
        assert main(["track", "--run", run.key], environ) == 0
        assert server.named(run.key).info["status"] == "FINISHED"
        assert "track: sent to http://127.0.0.1" in capsys.readouterr().out
        server.misbehave = answer(500, b"")
        assert main(["track"], environ | {"CXR_RUN": run.key}) == 2
    assert "TrackingError: The MLflow server " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "environ", "problem"),
    [
        (["--run", "x"], {}, f"{URI} is not set"),
        (["--run", "x"], {URI: "mlruns"}, f"{URI} is no address"),
        ([], {URI: "http://mlflow"}, "No run is named"),
        (["--run", "x"], {URI: "http://mlflow"}, "There is no run 'x'"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environ: dict[str, str],
    problem: str,
) -> None:
    assert main(["track", *arguments], environ | {"CXR_HOME": str(tmp_path)}) == 2
    assert problem in capsys.readouterr().err


def test_a_mistaken_address_is_told_before_a_run_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"CXR_HOME": str(tmp_path / "home"), URI: "http://me:secret@mlflow:port"}
    assert main(["run", "--run", "first"], environ) == 2
    told = capsys.readouterr().err
    assert f"{URI} is no address" in told
    assert "secret" not in told
    assert not (tmp_path / "home").exists()
