"""The task `track`: a failed run is sent too, and a server that is down changes nothing."""

from pathlib import Path

import pytest

from cxr_tasks.tracking.server import URI
from tests.dags.airflow_cli import dags_test
from tests.tracking.mlflow_server import hang_up, serving


@pytest.mark.slow
def test_a_failed_run_is_sent_and_a_server_that_is_down_costs_a_warning(
    airflow_environ: dict[str, str], tmp_path: Path
) -> None:
    conf = {"profile": "honest", "source": "folder", "data": str(tmp_path), "run": "no-images"}
    with serving() as server:
        environ = airflow_environ | {URI: server.address}
        dags_test("cxr_pipeline", conf, environ, expected=1)
        sent = server.named("no-images")
        assert sent.info["status"] == "FAILED"
        assert sent.tags["cxr.errors"].startswith("ingest: ")
        server.misbehave = hang_up
        done = dags_test("cxr_pipeline", conf | {"run": "unheard"}, environ, expected=1)
    assert "The run was not sent to MLflow. TrackingError: " in done.stdout + done.stderr
    assert [each.info["run_name"] for each in server.runs.values()] == ["no-images"]
