"""A report's files as they are served, and the links that a page on disk does not have."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.runs.notes import make_note, write_note
from cxr_tasks.site.report_files import read_served_file
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from tests.made_facts import filled
from tests.policy import check_headers
from tests.reporting.made_report import Parsed
from tests.site.shelf import BEGAN, on_data, put_run
from tests.stored import change_record, flip_bit

BASE = "/air/cxr"
NAMES = ("table.csv", "report.json", "model_card.md", "mobilenetv2_frozen-predictions.csv")


@pytest.fixture
def run(template: RunPaths, tmp_path: Path) -> RunPaths:
    """Copy a whole run, which Airflow knows by a name that an address must escape."""
    shutil.copytree(template.root, tmp_path / "runs" / "first")
    run = Home(tmp_path).run("first")
    times = {"started_at": BEGAN, "ended_at": BEGAN, "by": "", "how": "schedule"}
    change_record(run.report / "report.json", times=times | {"dag_run": "scheduled__1+00:00/<b>"})
    return run


def links(page: str) -> dict[str, str]:
    found = re.findall(r'<a(?: data-airflow)? href="([^"]*)">([^<]*)</a>', page)
    return {text: place for place, text in found}


def body(run: RunPaths, base: str = BASE) -> str:
    content = Site(run.home).of_run.page(run.key, base=base).body
    return content.decode() if isinstance(content, bytes) else content


def test_every_file_of_the_row_is_served_as_it_was_written(run: RunPaths) -> None:
    served = {place for place in links(body(run)).values() if "/files/" in place}
    assert {f"{BASE}/runs/first/files/{name}" for name in NAMES} < served
    for place in served:
        name = place.rpartition("/")[2]
        found = Site(run.home).of_run.file("first", name, base=BASE)
        assert found.status == 200, name
        assert found.body in {path.read_bytes() for path in run.root.rglob("*") if path.is_file()}
        assert f'filename="first-{name}"' in found.headers["Content-Disposition"]
        assert not found.media_type.startswith("text/html")
        check_headers(found.headers)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("first", "index.html"),
        ("first", "../config.json"),
        ("first", "config.json"),
        ("first", "../evaluate/mobilenetv2_frozen/predictions.csv"),
        ("first", "vanilla_cnn-predictions.csv"),  # was not trained
        ("first", ""),
        ("../first", "table.csv"),
        ("second", "table.csv"),
    ],
)
def test_nothing_else_is_served(key: str, name: str, run: RunPaths) -> None:
    assert read_served_file(run.home, key, name) is None
    answer = Site(run.home).of_run.file(key, name, base=BASE)
    assert answer.status == 404
    assert "No such file" in str(answer.body)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_is_not_served(name: str, run: RunPaths) -> None:
    variant, _, predictions = name.rpartition("-")
    flip_bit(run.evaluate / variant / predictions if variant else run.report / name)
    assert read_served_file(run.home, "first", name) is None


def test_a_link_in_the_place_of_a_file_is_not_followed_out_of_the_run(
    run: RunPaths, tmp_path: Path
) -> None:
    table = run.report / "table.csv"
    shutil.move(table, tmp_path / "outside.csv")
    table.symlink_to(tmp_path / "outside.csv")
    assert read_served_file(run.home, "first", "table.csv") is None


def test_served_page_leads_to_the_run_in_airflow_to_all_runs_and_to_another(
    run: RunPaths, template: RunPaths
) -> None:
    assert "compare with" not in body(run)
    put_run(run.home, template, "another", began=BEGAN + 60)
    found = links(body(run))
    quoted = "scheduled__1%2B00%3A00%2F%3Cb%3E"
    assert found["in Airflow"] == f"/air/dags/cxr_pipeline/runs/{quoted}"
    assert found["all runs"] == f"{BASE}/runs"
    assert found["how it went"] == f"{BASE}/runs/first?part=progress"
    assert found["add a note"] == f"{BASE}/runs/first/note"
    assert found["run again with changes"] == f"{BASE}/again/first"
    assert found["compare with another"] == f"{BASE}/compare?run=another&amp;run=first"
    assert Parsed(body(run)).open == []


def test_a_run_on_other_data_is_not_offered_for_a_comparison(
    run: RunPaths, template: RunPaths
) -> None:
    put_run(run.home, template, "another", began=BEGAN + 60, change=on_data("e" * 64))
    assert "compare with" not in body(run)


def test_a_note_and_a_promotion_are_led_to(run: RunPaths) -> None:
    note = make_note("Agreed.", [], by="ann", through="Airflow", now=datetime.now(UTC))
    write_note(run.home, run.key, note)
    record = filled(PromotionRecord, decision="kept", reason="No better.")
    write_sealed_record(run.promote / "promote.json", record)
    found = links(body(run))
    assert found["its note"] == f"{BASE}/runs/first/note"
    assert found["champion (kept)"] == f"{BASE}/champion"


def test_page_on_disk_has_no_such_link(run: RunPaths) -> None:
    page = (run.report / "index.html").read_text(encoding="utf-8")
    assert "all runs" not in links(page)
    assert "data-airflow" not in "".join(re.findall("<a [^>]*>", page))


def test_a_run_that_airflow_does_not_know_has_no_link_to_it(template: RunPaths) -> None:
    assert "in Airflow" not in links(body(template))
