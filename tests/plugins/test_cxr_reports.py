"""The plugin in Airflow's own app: who may see what, and that it is registered."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from cxr_tasks.runs.notes import read_note
from cxr_tasks.volume.paths import run_key_from
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.plugins.conftest import ROOT, RUN_ID, Airflow
from tests.policy import check_headers, refused_scripts

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own, many

TAB = f"/cxr/cxr_pipeline/{quote(RUN_ID)}"
LIVE = ["/cxr/runs/mine/live", f"{TAB}/live"]
NOTE, AGAIN = "/cxr/runs/mine/note", "/cxr/again/mine"
PAGES = [
    "/cxr/runs",
    "/cxr/runs.csv",
    "/cxr/compare?run=a&run=b",
    "/cxr/champion",
    "/cxr/scores",
    "/cxr/scores/batch",
    "/cxr/scores/batch/scores.csv",
    "/cxr/runs/mine",
    "/cxr/runs/mine/files/table.csv",
    NOTE,
    AGAIN,
    f"/cxr/again/cxr_pipeline/{quote(RUN_ID)}",
    TAB,
    "/cxr/other/x",
    *LIVE,
    "/cxr/other/x/live",
]
OWN = {"Sec-Fetch-Site": "same-origin"}


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
        (*route.methods, route.path): {
            each.call.__qualname__ for each in route.dependant.dependencies
        }
        for route in mounted.app.routes
    }
    assert set(guards) == {
        ("GET", "/runs"),
        ("GET", "/runs.csv"),
        ("GET", "/compare"),
        ("GET", "/champion"),
        ("GET", "/scores"),
        ("GET", "/scores/{name}"),
        ("GET", "/scores/{name}/scores.csv"),
        ("GET", "/runs/{run_key}"),
        ("GET", "/runs/{run_key}/files/{name}"),
        ("GET", "/runs/{run_key}/live"),
        ("GET", "/runs/{run_key}/note"),
        ("POST", "/runs/{run_key}/note"),
        ("GET", "/again/{run_key}"),
        ("POST", "/again/{run_key}"),
        ("GET", "/again/{dag_id}/{run_id}"),
        ("POST", "/again/{dag_id}/{run_id}"),
        ("GET", "/{dag_id}/{run_id}"),
        ("GET", "/{dag_id}/{run_id}/live"),
    }
    for names in guards.values():
        assert {"get_user", "requires_access_dag.<locals>.inner"} <= names
    for page in ("/runs/{run_key}/note", "/again/{run_key}", "/again/{dag_id}/{run_id}"):
        assert any("own_page" in name for name in guards["POST", page])


@pytest.mark.parametrize(
    "path",
    [
        "/cxr/runs/..%2f..%2fairflow.cfg",
        "/cxr/runs/%2e%2e",
        "/cxr/runs/..",
        "/cxr/cxr_pipeline/..%2f..%2fairflow.cfg",
        "/cxr/runs/mine%2f..%2f..%2fsecret",
        "/cxr/runs/mine%00",
        "/cxr/runs/mine/files/..%2f..%2f..%2fsecret%2findex.html",
        "/cxr/runs/..%2fsecret/files/index.html",
        "/cxr/runs/..%2f..%2fsecret/note",
        "/cxr/scores/..%2fsecret",
        "/cxr/scores/%2e%2e%2fsecret/scores.csv",
        "/cxr/scores/secret%00/scores.csv",
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


def test_an_open_page_is_told_what_is_new_and_that_nothing_is(airflow: Airflow) -> None:
    airflow.add_run("cxr_pipeline", "manual__watched", "running")
    page, client = "/cxr/cxr_pipeline/manual__watched/live", airflow.client("viewer")
    first = client.get(page)
    assert (first.status_code, "is under way" in first.text) == (200, True)
    again = client.get(page, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    check_headers(again.headers)


def test_a_task_that_airflow_has_queued_says_for_what_it_waits(airflow: Airflow) -> None:
    airflow.add_run("cxr_pipeline", "manual__queued", "running")
    airflow.add_task("cxr_pipeline", "manual__queued", "start", "scheduled")
    text = airflow.client("viewer").get("/cxr/cxr_pipeline/manual__queued").text
    assert "Waits for a free slot of the pool default_pool." in text


@pytest.mark.usefixtures("report")
def test_who_may_change_runs_writes_a_note_that_readers_see(airflow: Airflow) -> None:
    admin, viewer = airflow.client("admin"), airflow.client("viewer")
    sent = {"text": "Agreed.", "tags": "baseline", "seen": ""}
    answer = admin.post(NOTE, data=sent, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, NOTE)
    shown = viewer.get(NOTE)
    assert "Agreed." in shown.text
    assert "admin, " in shown.text
    assert "<textarea" not in shown.text
    assert "<textarea" in admin.get(NOTE).text
    assert "Agreed." in viewer.get("/cxr/runs?tag=baseline").text
    note = read_note(airflow.home, "mine")
    assert note is not None
    assert (note.by, note.through) == ("admin", "Airflow")


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("nobody", 403), ("viewer", 403)])
@pytest.mark.usefixtures("report")
def test_nobody_else_writes_a_note(airflow: Airflow, user: str | None, status: int) -> None:
    before = read_note(airflow.home, "mine")
    answer = airflow.client(user).post(NOTE, data={"text": "Mine."}, headers=OWN)
    assert answer.status_code == status
    assert read_note(airflow.home, "mine") == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.usefixtures("report")
def test_a_form_of_another_site_is_refused(airflow: Airflow, headers: dict[str, str]) -> None:
    before = read_note(airflow.home, "mine")
    answer = airflow.client("admin").post(NOTE, data={"text": "Forged."}, headers=headers)
    assert answer.status_code == 403
    assert read_note(airflow.home, "mine") == before


@pytest.mark.usefixtures("report")
def test_a_form_that_is_none_is_refused(airflow: Airflow) -> None:
    admin = airflow.client("admin")
    assert admin.post(NOTE, content=b"a=1&" * 200, headers=OWN).status_code == 400
    assert admin.post(NOTE, content=b"x" * 100_000, headers=OWN).status_code == 413
    assert admin.post("/cxr/runs/none/note", data={"text": "a"}, headers=OWN).status_code == 404


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"text": "Mine."}', "is unknown, text stands there 0 times"),
        (b"text=Mine.&tags=a&seen=&colour=red", "&#39;colour&#39; is unknown"),
        (b"text=Mine.&tags=a", "seen stands there 0 times"),
        (b"text=Mine.&text=Yours.&tags=&seen=", "text stands there 2 times"),
        (b"", "text stands there 0 times"),
    ],
)
@pytest.mark.usefixtures("report")
def test_a_body_that_is_no_form_of_a_note_writes_none(
    airflow: Airflow, body: bytes, named: str
) -> None:
    before = read_note(airflow.home, "mine")
    answer = airflow.client("admin").post(NOTE, content=body, headers=OWN)
    assert answer.status_code == 400
    assert named in answer.text
    assert (">Mine.</textarea>" in answer.text) == body.startswith(b"text=Mine.&tags=a")
    assert read_note(airflow.home, "mine") == before


@pytest.mark.usefixtures("report")
def test_addresses_of_two_runs_from_before_still_work(airflow: Airflow) -> None:
    asked = airflow.client("viewer").get("/cxr/compare?first=mine&second=other")
    assert "that can be read: <code>mine</code>, <code>other</code>." in asked.text


def test_a_table_is_saved(airflow: Airflow) -> None:
    saved = airflow.client("viewer").get("/cxr/runs.csv?q=x&hide=data&hide=note")
    assert saved.headers["content-type"] == "text/csv; charset=utf-8"
    assert saved.headers["content-disposition"] == 'attachment; filename="runs.csv"'
    check_headers(saved.headers)


@pytest.mark.parametrize("page", ["/cxr/runs", "/cxr/champion", "/cxr/scores", NOTE, TAB])
@pytest.mark.usefixtures("report")
def test_only_our_scripts_run_and_no_other_site_frames_a_page(airflow: Airflow, page: str) -> None:
    answer = airflow.client("admin").get(page)
    check_headers(answer.headers)
    assert refused_scripts(answer.text) == []


@pytest.mark.usefixtures("report")
def test_a_file_of_a_report_is_saved(airflow: Airflow) -> None:
    run, config = draw_run(airflow.home.root, Drawing(skipped=["vanilla_cnn"]), key="whole")
    finish_report(run, config)
    client, place = airflow.client("viewer"), "/cxr/runs/whole/files/table.csv"
    kept = client.get(place)
    assert kept.content == (run.report / "table.csv").read_bytes()
    assert kept.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert kept.headers["Content-Disposition"].startswith("attachment")
    missing = client.get("/cxr/runs/whole/files/config.json")
    assert (missing.status_code, "No such file" in missing.text) == (404, True)


def test_airflow_has_the_tabs_and_the_page_in_its_ui(airflow: Airflow) -> None:
    plugins = airflow.client("admin").get("/api/v2/plugins").json()["plugins"]
    views = {
        view["name"]: (view["destination"], view["href"])
        for plugin in plugins
        if plugin["name"] == "cxr_reports"
        for view in plugin["external_views"]
    }
    assert views == {
        "Report": ("dag_run", "cxr/{DAG_ID}/{RUN_ID}"),
        "Run again": ("dag_run", "cxr/again/{DAG_ID}/{RUN_ID}"),
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
