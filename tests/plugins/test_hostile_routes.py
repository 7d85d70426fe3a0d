"""The plugin's routes in Airflow's own app: any address gives a page, or is refused."""

from urllib.parse import quote

import pytest
from hypothesis import strategies as st

from tests.fuzz.cases import fuzzed, texts
from tests.plugins.conftest import Airflow
from tests.policy import check_headers, refused_scripts

pytestmark = pytest.mark.filterwarnings("ignore")  # Airflow's own, many

PLACES = st.sampled_from(
    [
        "/runs",
        "/runs.csv",
        "/compare",
        "/champion",
        "/scores",
        "/scores/one",
        "/scores/one/scores.csv",
        "/runs/one",
        "/runs/one/note",
        "/runs/one/live",
        "/runs/one/files/table.csv",
        "/again/one",
        "/cxr_pipeline/one",
        "/cxr_score/one",
    ]
)


def quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def check(airflow: Airflow, address: str) -> None:
    answer = airflow.client("viewer").get(f"/cxr{address}")
    refused = answer.status_code == 400 and address.startswith("/runs.csv?")  # a page says it
    assert refused or answer.status_code in (200, 307, 403, 404)
    if "<title>" in answer.text and "medical device" in answer.text:
        check_headers(answer.headers)
        assert refused_scripts(answer.text) == []


KEYS = st.sampled_from(
    ["sort", "order", "page", "trend", "first", "second", "run", "q", "tag", "hide", "state"]
)


@fuzzed(place=PLACES, query=st.dictionaries(KEYS | texts, texts, max_size=4))
def test_query(airflow: Airflow, place: str, query: dict[str, str]) -> None:
    pairs = (f"{quoted(name)}={quoted(value)}" for name, value in query.items())
    check(airflow, f"{place}?{'&'.join(pairs)}")


@fuzzed(dag_id=texts | st.just("cxr_pipeline") | st.just("runs"), run_id=texts)
def test_path(airflow: Airflow, dag_id: str, run_id: str) -> None:
    check(airflow, f"/{quoted(dag_id)}/{quoted(run_id)}")


@fuzzed(path=st.text("%/.\\0aA2e?&=#;:@\N{SUPERSCRIPT TWO}", max_size=40))
def test_address(airflow: Airflow, path: str) -> None:
    check(airflow, f"/runs/{path.replace('#', '%23')}")


@fuzzed(key=texts | st.just("one"), sent=st.dictionaries(texts, texts, max_size=3))
def test_form(airflow: Airflow, key: str, sent: dict[str, str]) -> None:
    (airflow.home.run("one").root).mkdir(parents=True, exist_ok=True)
    body = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in sent.items())
    answer = airflow.client("admin").post(
        f"/cxr/runs/{quoted(key)}/note", content=body, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code in (303, 307, 400, 403, 404, 405, 409)


CONFS = (3, True, ["a"], {"a": "b"}, "../x", "<script>", "x" * 5000, 1.5)


@pytest.mark.parametrize("number", range(len(CONFS)))
def test_conf_of_a_run_may_hold_anything(airflow: Airflow, number: int) -> None:
    airflow.add_run("cxr_pipeline", f"hostile-{number}", "success", {"run": CONFS[number]})
    check(airflow, f"/cxr_pipeline/hostile-{number}")
