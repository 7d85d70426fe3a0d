"""The last words of `run` in a terminal: results, and what was left out, each said once."""

from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.data.sources.left_out import LINK_OUT, TABLE
from cxr_tasks.flow.stages import StageContext
from cxr_tasks.reporting.last_screen import ingested_lines
from cxr_tasks.runs.ingest_record import IngestFacts, IngestRecord
from cxr_tasks.runs.start import read_config, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import require_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.flow.test_ingestion import do_ingest
from tests.image_files import class_files, encode, make_files, picture

LEFT_OUT = {"dataset": {LINK_OUT: 1, TABLE: 5}}


def test_unchanged_run_says_so_above_the_results_and_its_own_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, config = draw_run(tmp_path, Drawing(n_images=48, n_rejected=2), key="before")
    finish_report(before, config)
    run = start_run(make_config(config.as_dict()), before.home, "now")
    ingested = require_record(before.ingest, IngestRecord).only(IngestFacts)
    own = {"n_left_out_by_reason": LEFT_OUT, "unchanged_since": "before"}
    now = ingested.model_copy(update=own)
    context = StageContext(run, read_config(run), Progress(run.progress, "ingest"), {})
    context.finish_once(run.ingest, IngestRecord, {}, lambda _built: now)
    capsys.readouterr()
    assert main(["run", "--home", str(tmp_path), "--run", "now"], environ={}) == 0
    shown = capsys.readouterr().out
    _, told = shown.split("\nNothing has changed since before; its results:\n")
    lines = told.splitlines()
    assert lines[1].startswith("48 synthetic radiographs, drawn by this project: ")
    assert "Images: 48 taken, 2 rejected, 6 left out" in lines
    assert "  Left out: 1 link that leads out of the folder, 5 tables, which are not read" in lines
    assert f"Report: {before.report / 'index.html'}" in lines
    assert lines[-1] == "To run it all the same: --force (make run: FORCE=1)"


def test_rejected_and_left_out_are_told_by_reason_for_each_data_set(tmp_path: Path) -> None:
    flat = encode(picture(seed=1).point(lambda _: 90))
    data = make_files(tmp_path / "data", class_files())
    make_files(data, {"COVID/flat.png": flat, "labels.csv": b"x"})
    more = make_files(tmp_path / "more", class_files(n_covid=5, n_normal=2))
    run, _ = do_ingest(
        tmp_path, external_source="folder", external_data=str(more), max_rejected_fraction=0.5
    )
    first, rejected, left_out, external = ingested_lines(run)
    assert first == "Images: 6 taken, 1 rejected, 1 left out"
    assert rejected.startswith("  Rejected: 1 blank")
    assert left_out == "  Left out: 1 table, which is not read"
    assert external == "External images: 7 taken, none rejected, none left out"


def test_masks_that_cannot_be_used_are_told_by_reason(tmp_path: Path) -> None:
    run, _ = draw_run(tmp_path, Drawing(unusable_masks={"a mask without lungs": 2}))
    assert "  Lung masks that cannot be used: 2 a mask without lungs" in ingested_lines(run)


def test_run_that_has_ingested_nothing_has_no_line(tmp_path: Path) -> None:
    run, _ = draw_run(tmp_path, Drawing(n_images=48))
    assert list(ingested_lines(run.home.run("other"))) == []
