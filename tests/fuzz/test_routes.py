"""The browsing pages: whatever is asked for, and whatever lies in a run's folder, a page comes."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example as tried
from hypothesis import strategies as st

from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.site.answer import Answer
from cxr_tasks.site.note_page import NoteForm
from cxr_tasks.site.reading import read_run
from cxr_tasks.site.site import Site
from cxr_tasks.site.view import FILTERS, SORTS, View, passed_over, read_view
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.fuzz.cases import changed, damaged, fuzzed, texts, values

EXAMPLES = Path(__file__).parents[1] / "record_examples" / "1"
"""Of schema version 1: such a record has no digest that would keep what is odd from the pages."""
EVENT = {"stage": "ingest", "variant": "", "kind": "start", "text": "started", "at": 1.7e9}


def example(name: str) -> dict[str, Any]:
    return read_json(EXAMPLES / name)


def unsealed(name: str) -> dict[str, Any]:
    """Return a newer record as if it were of version 1, where none has a digest."""
    content = read_json(EXAMPLES.with_name("3") / name) | {"schema_version": 1}
    content.pop("content_sha256", None)
    return content


RECORDS: dict[str, dict[str, Any]] = {
    "report/report.json": example("report.json"),
    "config.json": example("config.json"),
    "ingest/ingest.json": example("ingest.json") | {"unchanged_since": "earlier"},
    "promote/promote.json": example("promote.json"),
    "../../notes/changed.json": unsealed("note.json"),
    "../../champion/champion.json": unsealed("champion.json"),
    "../../scores/one/score.json": unsealed("score.json"),
    "ingest.error.json": {"message": "DataError: no image."},
    "train/vanilla_cnn.error.json": example("vanilla_cnn.error.json"),
    "progress.jsonl": EVENT,
}
ELEMENTS = {
    "article",
    "h3",
    "fieldset",
    "label",
    "legend",
    "datalist",
    "option",
    "polygon",
    "polyline",
    "select",
    "textarea",
    "i",
    "figcaption",
    "script",
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "footer",
    "p",
    "h1",
    "h2",
    "a",
    "header",
    "section",
    "form",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "span",
    "small",
    "b",
    "abbr",
    "button",
    "details",
    "summary",
    "input",
    "br",
    "nav",
    "code",
    "strong",
    "pre",
    "dl",
    "dt",
    "dd",
    "figure",
    "ul",
    "li",
    "svg",
    "line",
    "g",
    "rect",
    "text",
    "circle",
    "path",
    "caption",
    "noscript",
}


class Checked(HTMLParser):
    """Finds nothing in a page that a template did not write."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        for name, value in attrs:
            assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]*", name), name
            assert not name.startswith("on")
            if name in ("href", "src", "action"):
                assert (value or "").startswith(("/cxr/", "?")), value


def check_page(answer: Answer) -> None:
    page = answer.body if isinstance(answer.body, str) else answer.body.decode()
    assert answer.status in (200, 404)
    page.encode()  # what a server does
    Checked().feed(page)
    assert "Research software, not a medical device" in page


def put(run: RunPaths, name: str, content: bytes) -> None:
    path = run.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def put_whole(run: RunPaths, *, leave_out: tuple[str, ...] = ()) -> None:
    for name, record in RECORDS.items():
        if name not in leave_out:
            put(run, name, json.dumps(record).encode() + b"\n")


def put_anew(home: Home, missing: tuple[str, ...]) -> None:
    shutil.rmtree(home.run("changed").root, ignore_errors=True)
    put_whole(home.run("changed"), leave_out=missing)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two whole runs, and one that tests change."""
    home = Home(tmp_path_factory.mktemp("routes"))
    failures = ("ingest.error.json", "train/vanilla_cnn.error.json", "ingest/ingest.json")
    for key in ("one", "two"):
        put_whole(home.run(key), leave_out=failures)
    return home


def check_pages(home: Home) -> None:
    site = Site(home)  # which remembers nothing yet
    for trend in ("accuracy", "roc_auc"):
        check_page(site.all_runs({"trend": trend}, base="/cxr"))
    check_page(site.compared(["changed", "one"], base="/cxr"))
    check_page(site.compared(["changed"], base="/cxr"))
    check_page(site.champion(base="/cxr"))
    check_page(site.batches(base="/cxr"))
    check_page(site.note("changed", base="/cxr", may_write=True))
    assert site.all_runs_csv({}).status == 200
    check_page(site.of_run.page("changed", base="/cxr"))
    check_page(site.of_run.page("changed", base="/cxr", part="progress"))
    check_page(site.of_run.again("changed", base="/cxr"))
    for state in ("running", "failed"):
        check_page(site.of_run.airflow_run(of_airflow(state), base="/cxr"))
    Checked().feed(str(site.of_run.page("changed", base="/cxr", known="").body))


def of_airflow(state: str) -> AirflowRun:
    return AirflowRun("cxr_pipeline", "one", state, {"run": "changed"})


def test_records_that_are_changed_are_whole(home: Home) -> None:
    for key in ("one", "two"):
        facts = read_run(home.run(key))
        assert (facts.problem, facts.report is None) == ("", False)
    put_whole(home.run("changed"))
    facts = read_run(home.run("changed"))
    assert (facts.problem, len(facts.failures)) == ("", 2)
    assert facts.last_sign is not None
    check_pages(home)


MISSING = st.sampled_from(
    [(), ("ingest/ingest.json",), ("ingest/ingest.json", "report/report.json")]
)


@fuzzed(
    missing=MISSING,
    name=st.sampled_from(list(RECORDS)),
    content=damaged(*(json.dumps(record).encode() + b"\n" for record in RECORDS.values())),
)
def test_damaged_record(home: Home, missing: tuple[str, ...], name: str, content: bytes) -> None:
    put_anew(home, missing)
    put(home.run("changed"), name, content)
    check_pages(home)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str]:
    """Give a record's name and its content with hostile values in it, as JSON."""
    name = draw(st.sampled_from(list(RECORDS)))
    content = draw(changed(RECORDS[name]))
    try:
        return name, json.dumps(content)
    except (RecursionError, ValueError):  # an integer, or lists in lists, beyond JSON's writer
        return name, '{"config": ' + "[" * 5000 + "9" * 5000


@fuzzed(missing=MISSING, change=changes())
def test_record_with_odd_values(
    home: Home, missing: tuple[str, ...], change: tuple[str, str]
) -> None:
    name, text = change
    put_anew(home, missing)
    put(home.run("changed"), name, text.encode() + b"\n")
    check_pages(home)


@fuzzed(
    sort=texts | st.sampled_from(list(SORTS)),
    order=texts | st.just("asc"),
    page=texts | st.integers().map(str) | st.sampled_from(["\N{SUPERSCRIPT TWO}", "-1", "+1"]),
    trend=texts | st.just("roc_auc"),
)
def test_query(home: Home, sort: str, order: str, page: str, trend: str) -> None:
    query = {"sort": sort, "order": order, "page": page, "trend": trend}
    view: View = read_view(query)
    assert view.sort in SORTS
    check_page(Site(home).all_runs(query, base="/cxr"))


@fuzzed(query=st.lists(st.tuples(texts | st.sampled_from([*FILTERS, "q", "tag", "hide"]), texts)))
def test_filters(home: Home, query: list[tuple[str, str]]) -> None:
    check_page(Site(home).all_runs(query, base="/cxr"))
    assert Site(home).all_runs_csv(query).status == (400 if passed_over(query) else 200)


@fuzzed(text=texts, tags=texts, seen=texts, by=texts | st.just("ann"))
def test_form_of_a_note(home: Home, text: str, tags: str, seen: str, by: str) -> None:
    form = NoteForm(text, tags, seen, by)
    answer = Site(home).note("one", base="/cxr", may_write=True, form=form)
    if answer.status != 303:
        assert answer.status == 409
    check_page(Site(home).note("one", base="/cxr", may_write=True))


@tried(first="one", second="two", key="\ud800")
@fuzzed(first=texts | st.just("one"), second=texts | st.just("two"), key=texts)
def test_names(home: Home, first: str, second: str, key: str) -> None:
    site = Site(home)
    check_page(site.compared([first, second], base="/cxr"))
    check_page(site.of_run.page(key, base="/cxr"))
    check_page(site.note(key, base="/cxr", may_write=True))
    check_page(site.scores(key, base="/cxr"))
    check_page(site.scores_csv(key, base="/cxr"))


@fuzzed(
    dag_id=texts | st.sampled_from(["cxr_pipeline", "cxr_score"]),
    run_id=texts,
    state=texts | st.none() | st.sampled_from(["failed", "running", "success"]),
    conf=st.dictionaries(st.sampled_from(["run", "name"]) | texts, values),
)
def test_run_of_airflow(
    home: Home, dag_id: str, run_id: str, state: str | None, conf: dict[str, Any]
) -> None:
    check_page(Site(home).of_run.airflow_run(AirflowRun(dag_id, run_id, state, conf), base="/cxr"))


@fuzzed(name=st.binary(min_size=1, max_size=255))
def test_folder_of_any_name_among_the_runs(
    tmp_path_factory: pytest.TempPathFactory, name: bytes
) -> None:
    root = tmp_path_factory.mktemp("names")
    try:
        Path(f"{root}/runs/{name.decode(errors='surrogateescape')}").mkdir(parents=True)
    except (OSError, ValueError):
        return
    check_page(Site(Home(root)).all_runs({}, base="/cxr"))
