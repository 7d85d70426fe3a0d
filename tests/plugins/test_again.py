"""The form that starts a run again, in Airflow's own app: who may see it, and who may send it."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.site.again import form_of_run
from cxr_tasks.volume.paths import RunPaths
from tests.plugins.conftest import Airflow
from tests.policy import check_headers, refused_scripts

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own, many

RUN_ID = "manual__2026-02-01T03:00:00+00:00"
FORM = "/cxr/again/earlier"
TAB = f"/cxr/again/cxr_pipeline/{quote(RUN_ID)}"
HERE = {"Origin": "http://testserver", "Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def run(airflow: Airflow) -> RunPaths:
    airflow.add_run("cxr_pipeline", RUN_ID, "success", {"run": "earlier"})
    return start_run(make_config({"seed": 7}), airflow.home, "earlier", note=lambda _: None)


def sent(run: RunPaths, **changed: str) -> str:
    return urlencode({**form_of_run(run), **changed}, doseq=True)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("page", [FORM, TAB])
@pytest.mark.parametrize(("user", "status"), [(None, 401), ("nobody", 403), ("viewer", 200)])
def test_only_who_may_read_runs_sees_the_form(
    airflow: Airflow, page: str, user: str | None, status: int
) -> None:
    assert airflow.client(user).get(page).status_code == status


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("page", [FORM, TAB])
@pytest.mark.parametrize(("user", "may_start"), [("viewer", False), ("admin", True)])
def test_only_who_may_start_runs_has_the_button(
    airflow: Airflow, page: str, user: str, may_start: bool
) -> None:
    answer = airflow.client(user).get(page)
    check_headers(answer.headers)
    assert not refused_scripts(answer.text)
    assert 'value="7"' in answer.text
    assert ("<button" in answer.text) == may_start


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("nobody", 403), ("viewer", 403)])
def test_nobody_else_can_send_it(
    airflow: Airflow, run: RunPaths, user: str | None, status: int
) -> None:
    answer = airflow.client(user).post(FORM, content=sent(run), headers=HERE)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
    ],
)
def test_no_other_site_can_send_it(
    airflow: Airflow, run: RunPaths, headers: dict[str, str]
) -> None:
    answer = airflow.client("admin").post(FORM, content=sent(run), headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("epochs=" + "9" * 70_000, 413),
        ("&".join(f"a{number}=1" for number in range(600)), 400),
        (b"\xff\xfe=1", 400),
        ("", 400),
        ("profile=quickstart&profile=paper&epochs=%00", 400),
    ],
)
@pytest.mark.usefixtures("run")
def test_what_is_no_form_starts_nothing(airflow: Airflow, content: Any, status: int) -> None:
    answer = airflow.client("admin").post(FORM, content=content, headers=HERE)
    assert answer.status_code == status


def test_a_refusal_is_shown_above_what_was_typed(airflow: Airflow, run: RunPaths) -> None:
    content = sent(run, epochs="many", seed="11")
    answer = airflow.client("admin").post(FORM, content=content, headers=HERE)
    assert answer.status_code == 400
    assert "epochs=&#39;many&#39; is not possible." in answer.text
    assert 'value="11"' in answer.text


@pytest.mark.parametrize("page", [FORM, TAB])
def test_an_operators_file_that_is_none_is_said_above_the_form(
    airflow: Airflow, run: RunPaths, page: str
) -> None:
    file = airflow.home.root / "defaults.toml"
    file.write_text("seed = many")
    try:
        client = airflow.client("admin")
        sent_to = client.post(page, content=sent(run, seed="11"), headers=HERE)
        opened = client.get(page)
    finally:
        file.unlink()
    assert sent_to.status_code == 400
    assert "defaults.toml" in sent_to.text
    assert 'value="11"' in sent_to.text
    assert opened.status_code == (400 if page == TAB else 200)
    assert 'value="7"' in opened.text


def test_a_dag_that_airflow_does_not_know_yet_is_said(airflow: Airflow, run: RunPaths) -> None:
    answer = airflow.client("admin").post(FORM, content=sent(run), headers=HERE)
    assert answer.status_code == 404
    assert "cxr_pipeline" in answer.text
