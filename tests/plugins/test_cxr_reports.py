"""The plugin in Airflow's own app: who may see what, and that it is registered."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from cxr_tasks.volume.paths import run_key_from
from tests.plugins.conftest import ROOT, RUN_ID, Airflow

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own, many

TAB = f"/cxr/cxr_pipeline/{quote(RUN_ID)}"
PAGES = ["/cxr/runs", "/cxr/compare?first=a&second=b", "/cxr/runs/mine", TAB, "/cxr/other/x"]


@pytest.fixture(scope="module")
def report(airflow: Airflow) -> bytes:
    """Put a report on the volume for the run that Airflow knows, and for one it does not."""
    airflow.add_run("cxr_pipeline", RUN_ID, "success")
    content = b"<!doctype html><title>The report</title>"
    for key in (run_key_from(RUN_ID), "mine"):
        folder = airflow.home.run(key).report
        folder.mkdir(parents=True)
        (folder / "index.html").write_bytes(content)
    return content


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_a_page_without_signing_in(airflow: Airflow, report: bytes, page: str) -> None:
    answer = airflow.client(None).get(page)
    assert answer.status_code == 401
    assert report not in answer.content


@pytest.mark.parametrize("page", PAGES)
def test_a_user_without_the_right_to_read_runs_is_refused(
    airflow: Airflow, report: bytes, page: str
) -> None:
    answer = airflow.client("nobody").get(page)
    assert answer.status_code == 403
    assert report not in answer.content


@pytest.mark.parametrize("page", PAGES)
def test_a_token_that_is_not_airflows_is_refused(
    airflow: Airflow, report: bytes, page: str
) -> None:
    client = airflow.client(None)
    client.cookies.set("_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")
    answer = client.get(page)
    assert answer.status_code in (401, 403)
    assert report not in answer.content


@pytest.mark.parametrize("user", ["viewer", "admin"])
def test_a_user_with_the_right_sees_the_report_in_tab_and_by_name(
    airflow: Airflow, report: bytes, user: str
) -> None:
    client = airflow.client(user)
    assert client.get(TAB).content == report
    assert client.get("/cxr/runs/mine").content == report
    assert "mine" in client.get("/cxr/runs").text


def test_every_route_asks_for_a_user_and_for_a_right(airflow: Airflow) -> None:
    mounted = next(route for route in airflow.app.routes if getattr(route, "path", "") == "/cxr")
    guards = {
        route.path: {each.call.__qualname__ for each in route.dependant.dependencies}
        for route in mounted.app.routes
    }
    assert set(guards) == {"/runs", "/compare", "/runs/{run_key}", "/{dag_id}/{run_id}"}
    for names in guards.values():
        assert {"get_user", "requires_access_dag.<locals>.inner"} <= names


@pytest.mark.parametrize(
    "path",
    [
        "/cxr/runs/..%2f..%2fairflow.cfg",
        "/cxr/runs/%2e%2e",
        "/cxr/runs/..",
        "/cxr/cxr_pipeline/..%2f..%2fairflow.cfg",
        "/cxr/runs/mine%2f..%2f..%2fsecret",
        "/cxr/runs/mine%00",
    ],
)
def test_no_path_leads_out_of_the_runs(airflow: Airflow, report: bytes, path: str) -> None:
    (airflow.home.root / "secret").mkdir(exist_ok=True)
    (airflow.home.root / "secret" / "index.html").write_text("a secret")
    answer = airflow.client("admin").get(path)
    assert "a secret" not in answer.text
    assert "[core]" not in answer.text
    assert report not in answer.content


def test_a_dag_id_that_is_no_pipeline_shows_no_report(airflow: Airflow, report: bytes) -> None:
    airflow.add_run("other", "mine", "success")
    answer = airflow.client("admin").get("/cxr/other/mine")
    assert (answer.status_code, report in answer.content) == (200, False)
    assert "make no report" in answer.text


def test_the_tab_follows_the_run_name_of_the_form(airflow: Airflow, report: bytes) -> None:
    airflow.add_run("cxr_pipeline", "manual__named", "success", {"run": "mine"})
    assert airflow.client("admin").get("/cxr/cxr_pipeline/manual__named").content == report


def test_a_run_under_way_says_so(airflow: Airflow) -> None:
    airflow.add_run("cxr_pipeline", "manual__going", "running")
    answer = airflow.client("admin").get("/cxr/cxr_pipeline/manual__going")
    assert (answer.status_code, "is under way" in answer.text) == (200, True)


@pytest.mark.parametrize("page", ["/cxr/runs", TAB])
@pytest.mark.usefixtures("report")
def test_no_script_runs_and_no_other_site_frames_a_page(airflow: Airflow, page: str) -> None:
    headers = airflow.client("admin").get(page).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in headers["Cache-Control"]


def test_airflow_has_the_tab_and_the_page_in_its_ui(airflow: Airflow) -> None:
    plugins = airflow.client("admin").get("/api/v2/plugins").json()["plugins"]
    views = {
        view["name"]: (view["destination"], view["href"])
        for plugin in plugins
        if plugin["name"] == "cxr_reports"
        for view in plugin["external_views"]
    }
    assert views == {
        "Report": ("dag_run", "cxr/{DAG_ID}/{RUN_ID}"),
        "CXR reports": ("nav", "cxr/runs"),
    }


def test_loading_the_plugin_in_a_worker_imports_no_api_server(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; runpy.run_path('plugins/cxr_reports.py'); "
        "print('fastapi' in sys.modules, 'airflow.api_fastapi.core_api.security' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={"AIRFLOW_HOME": str(tmp_path), "PATH": ""},
    )
    assert done.stdout.split() == ["False", "False"]
