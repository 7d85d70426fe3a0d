"""What each task has read and written, of a drawn run."""

from pathlib import Path

import pytest

from cxr_tasks.data.dataset import INDEX_COLUMNS
from cxr_tasks.flow.lineage import (
    KAGGLE,
    SYNTHETIC,
    Lineage,
    Place,
    gate_lineage,
    scoring_lineage,
    stage_lineage,
    start_lineage,
)
from cxr_tasks.flow.stages.execution import _model_of
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import RECORD_FILES, Home, RunPaths, StageName
from tests.drawing import FINGERPRINT, Drawing
from tests.drawn_run import draw_run, finish_report

TRAININGS = [f"runs/drawn/train/{name}" for name in VARIANTS]
IMAGES = f"datasets/{FINGERPRINT}"
PREPARED = ["runs/drawn/ingest", "runs/drawn/split", IMAGES]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    run, config = draw_run(tmp_path_factory.mktemp("lineage"), Drawing(n_images=48))
    finish_report(run, config)
    weights = run.home.cache / "backbones" / "weights.h5"
    weights.parent.mkdir(parents=True)
    weights.touch()
    return run


def named(run: RunPaths, places: tuple[Place, ...]) -> list[str]:
    return [str(Path(place.name).relative_to(run.home.root)) for place in places]


@pytest.mark.parametrize(
    ("stage", "variant", "read", "written"),
    [
        (
            "ingest",
            "",
            ["runs/drawn/config.json"],
            ["runs/drawn/ingest", IMAGES, "cache/backbones/weights.h5"],
        ),
        ("split", "", ["runs/drawn/ingest", IMAGES], ["runs/drawn/split"]),
        ("audit", "", [*PREPARED, "cache/backbones/weights.h5"], ["runs/drawn/audit"]),
        ("train", "vanilla_cnn", PREPARED, [TRAININGS[0]]),
        ("train", "mobilenetv2_frozen", [*PREPARED, "cache/backbones/weights.h5"], [TRAININGS[1]]),
        ("evaluate", "", [*PREPARED, "runs/drawn/audit", *TRAININGS], ["runs/drawn/evaluate"]),
        (
            "report",
            "",
            [*PREPARED, "runs/drawn/audit", *TRAININGS, "runs/drawn/evaluate"],
            ["runs/drawn/report"],
        ),
        ("promote", "", ["runs/drawn/report", "runs/drawn/evaluate", *TRAININGS], []),
    ],
)
def test_a_stage_has_read_and_written_what_is_there(
    run: RunPaths, stage: StageName, variant: str, read: list[str], written: list[str]
) -> None:
    lineage = stage_lineage(run, stage, variant)
    assert named(run, lineage.inputs) == read
    assert named(run, lineage.outputs) == written


def test_start_writes_the_settings_and_the_gate_looks_at_all(run: RunPaths) -> None:
    config = Place(str(run.config), version=sha256_of(run.config))
    assert start_lineage(run) == Lineage(outputs=(config,))
    looked_at = ["runs/drawn/audit", *TRAININGS, "runs/drawn/report"]
    assert named(run, gate_lineage(run).inputs) == looked_at
    assert gate_lineage(run).outputs == ()


def test_a_finished_folder_has_the_version_that_the_next_stage_records(run: RunPaths) -> None:
    (split,) = stage_lineage(run, "split").outputs
    assert split.version == sha256_of(run.split / "split.json")


def test_a_data_set_says_what_it_is(run: RunPaths) -> None:
    images = stage_lineage(run, "split").inputs[1]
    assert images.version == FINGERPRINT
    assert set(images.columns) <= set(INDEX_COLUMNS)
    assert {"path", "label"} <= set(images.columns)
    assert images.about.endswith(SYNTHETIC)


def test_records_are_looked_for_under_their_names() -> None:
    assert {stage: _model_of(stage).FILE for stage in RECORD_FILES} == RECORD_FILES


def test_what_comes_from_outside_is_named_without_a_version(tmp_path: Path) -> None:
    for name in ("images.zip", "patients.csv", "w.h5"):
        (tmp_path / name).touch()
    settings = {
        "profile": "honest",
        "source": "kaggle",
        "kaggle_dataset": "someone/chest",
        "external_source": "zip",
        "external_data": str(tmp_path / "images.zip"),
        "weights": str(tmp_path / "w.h5"),
    }
    run = start_run(make_config(settings), Home(tmp_path / "home"), "new")
    lineage = stage_lineage(run, "ingest")
    outside = [place for place in lineage.inputs if not place.version]
    assert {(place.namespace, place.name) for place in outside} == {
        ("file", str(tmp_path / "images.zip")),
        ("file", str(tmp_path / "w.h5")),
        (KAGGLE, "datasets/someone/chest"),
    }
    assert lineage.outputs == ()


def test_scoring_reads_images_and_champion(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for record in (home.champion / "0001-first" / "version.json", home.scores("b") / "score.json"):
        record.parent.mkdir(parents=True)
        record.write_text("{}")
    lineage = scoring_lineage(home, paths=["/data/new"], version="0001-first", name="b")
    assert [place.name for place in lineage.inputs] == [
        "/data/new",
        str(home.champion / "0001-first"),
    ]
    assert [place.name for place in lineage.outputs] == [str(home.scores("b"))]
