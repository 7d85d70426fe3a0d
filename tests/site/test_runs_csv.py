"""The table as CSV: every run that passes the filters, and nothing a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from cxr_tasks.runs.notes import make_note, write_note
from cxr_tasks.site.answer import Answer
from cxr_tasks.site.listing import PAGE_SIZE
from cxr_tasks.site.site import Site
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.shelf import BEGAN, put_run, put_unfinished, scoring


def rows_of(answer: Answer) -> list[dict[str, str]]:
    assert isinstance(answer.body, str)
    return list(csv.DictReader(io.StringIO(answer.body)))


def test_a_filter_that_means_nothing_exports_nothing(home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    site = Site(home)
    answer = site.all_runs_csv({"state": "odd"})
    assert (answer.status, answer.media_type) == (400, "text/plain; charset=utf-8")
    assert "state=odd has no meaning" in str(answer.body)
    shown = str(site.all_runs({"state": "odd<b>"}, base="/cxr").body)
    assert "state=odd&lt;b&gt; has no meaning" in shown
    assert "/cxr/runs/one" in shown


def test_why_a_run_failed_is_there_in_a_line(home: Home, template: RunPaths) -> None:
    run = put_unfinished(home, template, "failed")
    write_json(run.error("audit"), {"message": "No memory.\nA rule."})
    write_json(run.error("train", "vanilla_cnn"), {"message": "=1+1"})
    put_run(home, template, "damaged").config.write_text("{")
    put_run(home, template, "whole")
    rows = {row["run"]: row["error"] for row in rows_of(Site(home).all_runs_csv({}))}
    assert rows["failed"] == "audit: No memory.; train vanilla_cnn: =1+1"
    assert rows["damaged"].startswith("config.json cannot be read")
    assert rows["whole"] == ""


def test_every_run_that_passes_is_a_row_whatever_the_page(home: Home, template: RunPaths) -> None:
    for number in range(PAGE_SIZE + 2):
        put_unfinished(home, template, f"run-{number}", began=BEGAN + number)
    put_run(home, template, "done", change=scoring({"mobilenetv2_frozen": 0.75}))
    assert len(rows_of(Site(home).all_runs_csv({"page": "2"}))) == PAGE_SIZE + 3
    (row,) = rows_of(Site(home).all_runs_csv({"q": "done"}))
    assert (row["run"], row["state"], row["scored_on"]) == ("done", "finished", "test")
    assert row["began_utc"] == "2026-01-01T00:00:00+00:00"
    assert row["mobilenetv2_frozen_accuracy"] == "0.75"
    assert row["mobilenetv2_frozen_accuracy_low"] == ""
    assert row["vanilla_cnn_status"] == "skipped"
    assert row["synthetic"] == "true"


def test_no_text_is_a_formula(home: Home, template: RunPaths) -> None:
    def change(report: dict[str, Any]) -> None:
        report["data"]["description"] = '=HYPERLINK("http://x")'
        report["profile"] = "@x"
        report["recommendation"]["variant"] = "-1+1"

    put_run(home, template, "one", change=change)
    now = datetime(2026, 2, 1, tzinfo=UTC)
    note = make_note("+cmd|' /C calc'!A0\n=1", [], by="=ann", through="Airflow", now=now)
    write_note(home, "one", note)
    (row,) = rows_of(Site(home).all_runs_csv({}))
    assert row["data"] == '\'=HYPERLINK("http://x")'
    assert (row["profile"], row["recommended"], row["note_by"]) == ("'@x", "'-1+1", "'=ann")
    assert row["note"].startswith("'+cmd")
    assert float(row["mobilenetv2_frozen_accuracy"]) > 0  # a number stays one


def test_it_is_a_file_to_save(home: Home) -> None:
    answer = Site(home).all_runs_csv({})
    assert answer.media_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="runs.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
