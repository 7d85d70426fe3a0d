"""The task `publish`: behind a whole run only, and a store that is gone costs a warning."""

from pathlib import Path

import pytest

from cxr_tasks.publishing.destination import URL
from tests.dags.airflow_cli import dags_test

SMALL = {"profile": "quickstart", "phantom_images": 24, "epochs": 1, "variants": ["vanilla_cnn"]}


@pytest.fixture(scope="module")
def published(airflow_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to which a whole run was copied."""
    store = tmp_path_factory.mktemp("store")
    environ = airflow_environ | {URL: f"file://{store}"}
    dags_test("cxr_pipeline", {**SMALL, "run": "published"}, environ, expected=0)
    return store


@pytest.mark.slow
def test_a_whole_run_is_published(published: Path, airflow_environ: dict[str, str]) -> None:
    (page,) = published.glob("runs/published/*/index.html")
    run = Path(airflow_environ["CXR_HOME"]) / "runs" / "published"
    assert page.read_bytes() == (run / "report" / "index.html").read_bytes()


@pytest.mark.slow
def test_a_store_that_is_gone_costs_a_warning(
    published: Path, airflow_environ: dict[str, str]
) -> None:
    gone = airflow_environ | {URL: f"file://{published}/unmounted"}
    done = dags_test("cxr_pipeline", {**SMALL, "run": "published"}, gone, expected=0)
    assert "The run was not published. PublishError: " in done.stdout + done.stderr


@pytest.mark.slow
def test_a_failed_run_is_not_published(airflow_environ: dict[str, str], tmp_path: Path) -> None:
    conf = {"profile": "honest", "source": "folder", "data": str(tmp_path), "run": "no-images-2"}
    store = tmp_path / "store"
    store.mkdir()
    environ = airflow_environ | {URL: f"file://{store}"}
    dags_test("cxr_pipeline", conf, environ, expected=1)
    assert list(store.iterdir()) == []


@pytest.mark.slow
def test_a_mistaken_address_fails_in_the_first_task(airflow_environ: dict[str, str]) -> None:
    environ = airflow_environ | {URL: "s3://me:secret@bucket"}
    done = dags_test("cxr_pipeline", {**SMALL, "run": "mistaken"}, environ, expected=1)
    told = done.stdout + done.stderr
    assert f"{URL} is no address of an object store" in told
    assert "secret" not in told
    assert not (Path(environ["CXR_HOME"]) / "runs" / "mistaken" / "config.json").exists()
