import shutil
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.runs.ingest_record import IngestRecord, WeightsFacts
from cxr_tasks.runs.start import start_run
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json, write_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import require_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunPaths, RunConfig]:
    run, config = draw_run(tmp_path_factory.mktemp("home"), Drawing(n_images=48), key="before")
    finish_report(run, config)
    return run, config


def earlier(finished: tuple[RunPaths, RunConfig], **changed: Any) -> str | None:
    """Ask for a run like the finished one, but for some settings or ingested facts."""
    run, config = finished
    ingested = require_record(run.ingest, IngestRecord)
    names = [name for name in ("dataset", "weights") if name in changed]
    facts: dict[str, Any] = {name: changed.pop(name) for name in names}
    again = make_config(config.as_dict() | changed)
    return find_equal_run(run.home.run("now"), again, ingested.model_copy(update=facts))


def test_the_same_again_is_found(finished: tuple[RunPaths, RunConfig]) -> None:
    assert earlier(finished) == "before"


def test_what_decides_nothing_does_not_count(finished: tuple[RunPaths, RunConfig]) -> None:
    assert earlier(finished, promote=False, force=True) == "before"


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 43},
        {"epochs": 31},
        {"prevalence": 0.2},
        {"dataset": "another"},
        {"weights": WeightsFacts(origin="file", sha256="cd" * 32, file_name="other.h5")},
    ],
)
def test_another_setting_or_input_counts(
    finished: tuple[RunPaths, RunConfig], changed: dict[str, Any]
) -> None:
    assert earlier(finished, **changed) is None


def test_a_run_does_not_repeat_itself(finished: tuple[RunPaths, RunConfig]) -> None:
    run, config = finished
    assert find_equal_run(run, config, require_record(run.ingest, IngestRecord)) is None


@pytest.mark.parametrize("spoiled", ["report", "versions", "damaged", "failed"])
def test_only_a_whole_run_of_these_versions_counts(
    finished: tuple[RunPaths, RunConfig], tmp_path: Path, spoiled: str
) -> None:
    shutil.copytree(finished[0].home.root, tmp_path / "home")
    run = Home(tmp_path / "home").run("before")
    report = run.report / "report.json"
    content = read_json(report)
    if spoiled == "report":
        report.unlink()
    elif spoiled == "versions":
        write_json(report, content | {"versions": content["versions"] | {"keras": "2.0"}})
    elif spoiled == "failed":
        content["variants"]["vanilla_cnn"]["status"] = "failed"
        write_json(report, content)
    else:
        report.write_text("{")
    assert earlier((run, finished[1])) is None


def test_a_run_that_has_not_ingested_yet_is_its_own(tmp_path: Path) -> None:
    assert unchanged_since(start_run(make_config({}), Home(tmp_path), "new")) is None
