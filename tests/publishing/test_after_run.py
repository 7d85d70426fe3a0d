"""At a run's end: whatever the store does costs a warning, never the run."""

import shutil
from pathlib import Path

import pytest

from cxr_tasks.publishing.after_run import publish_run
from cxr_tasks.publishing.destination import URL
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import level_of, read_events


def test_nothing_happens_without_a_store(home: Home) -> None:
    told: list[str] = []
    publish_run(home.run("first"), {}, echo=told.append)
    assert told == []
    assert not home.run("first").progress.exists()


def test_what_is_copied_is_told(home: Home, folder: Path) -> None:
    told: list[str] = []
    publish_run(home.run("first"), {URL: f"file://{folder}"}, echo=told.append)
    assert [line.partition(" file:")[0] for line in told] == [
        "publish: the report is copied to",
        "publish: the champion is copied to",
    ]
    assert [level_of(line) for line in told] == ["info", "info"]


@pytest.mark.parametrize("address", ["file:///proc", "file:///not/there", "nowhere"])
def test_what_goes_wrong_is_one_warning(home: Home, address: str) -> None:
    told: list[str] = []
    run = home.run("first")
    publish_run(run, {URL: address}, echo=told.append)
    (line,) = told
    assert level_of(line) == "warning"
    assert line.startswith("publish: Warning: not published. ")
    assert line.endswith("python -m cxr_tasks publish --run first")
    ((event, _),) = read_events(run.progress)
    assert (event.stage, event.kind, event.level) == ("publish", "failed", "warning")


def test_a_run_without_a_report_costs_a_warning(home: Home, folder: Path) -> None:
    told: list[str] = []
    shutil.rmtree(home.run("first").report)
    publish_run(home.run("first"), {URL: f"file://{folder}"}, echo=told.append)
    assert [level_of(line) for line in told] == ["warning"]
    assert list(folder.iterdir()) == []
