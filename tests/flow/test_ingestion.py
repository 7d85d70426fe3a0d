"""What the stage tells at its end, and writes down, about what a run uses and what it left out."""

from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.sources.left_out import LINK_OUT, OTHER
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress, read_events
from cxr_tasks.volume.records import require_record
from cxr_tasks.volume.size import as_size, weigh
from tests.image_files import class_files, encode, make_files, picture


def do_ingest(root: Path, key: str = "a", **settings: Any) -> tuple[RunPaths, str]:
    """Run the stage on `root/data`; give its run and its last line."""
    given = {"source": "folder", "data": str(root / "data"), "variants": "vanilla_cnn", **settings}
    config = make_config(given)
    run = start_run(config, Home(root / "home"), key)
    execute("ingest", StageContext(run, config, Progress(run.progress, "ingest"), {}))
    return run, [event.text for event, _ in read_events(run.progress)][-1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store = make_files(tmp_path / "store", {f"{k}.png": encode(picture(seed=k)) for k in range(9)})
    data = make_files(tmp_path / "data", class_files())
    for path in store.iterdir():
        (data / "COVID" / path.name).symlink_to(path)
    return data


def test_links_out_are_told_and_recorded(data: Path) -> None:
    run, told = do_ingest(data.parent)
    start = "6 images, 0 rejected, 9 left out: 9 links that lead out of the folder ("
    assert told.startswith(start)
    left_out = require_record(run.ingest, IngestRecord).n_left_out_by_reason
    assert left_out == {"dataset": {LINK_OUT: 9}}
    record = open_dataset(run.home, require_record(run.ingest, IngestRecord).dataset).record
    assert record.n_left_out_by_reason == {LINK_OUT: 9}
    assert (record.n_unmatched, record.n_ignored_links) == (0, 9)


def test_links_out_are_used_where_that_is_asked_for(data: Path) -> None:
    _, told = do_ingest(data.parent, follow_links=True)
    assert told.startswith("15 images, 0 rejected (")


def test_size_told_is_that_of_the_data_sets(data: Path) -> None:
    external = make_files(data.parent / "more", class_files(n_covid=5, n_normal=2))
    run, told = do_ingest(data.parent, external_source="folder", external_data=str(external))
    size = as_size(sum(weigh(path).n_bytes for path in run.home.datasets.iterdir()))
    assert told.endswith(f", {size} on disk)")
    assert "; external: 7 images, 0 rejected (" in told


def test_what_was_left_out_is_this_runs_also_of_a_data_set_ingested_before(data: Path) -> None:
    first, _ = do_ingest(data.parent)
    make_files(data, {"README": b"x", "COVID/notes.txt": b"x"})
    second, told = do_ingest(data.parent, "b")
    records = [require_record(run.ingest, IngestRecord) for run in (first, second)]
    assert records[0].dataset == records[1].dataset
    assert records[1].n_left_out_by_reason["dataset"] == {LINK_OUT: 9, OTHER: 2}
    assert "11 left out: " in told
