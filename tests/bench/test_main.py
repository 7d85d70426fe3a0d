"""`make bench` on a few images: both sides really train."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.__main__ import main
from bench.images import SHARED_DATA, find_images
from bench.variants import Schedule
from bench.whole_run import VARIANT, measure_whole_run
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.errors import EXIT_CODE, ConfigError
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home

N_IMAGES = 24


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "few.zip"
    with ZipFile(path, "w") as archive:
        for image in plan_phantom(N_IMAGES, seed=1):
            archive.writestr(image.path, draw_phantom(image, seed=1))
    return path


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_both_sides_are_timed_on_the_same_images(
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(SHARED_DATA, str(tmp_path))
    arguments = ["--quick", "--data", str(images), "--out", str(tmp_path / "results.json")]
    name = "mobilenetv2_frozen"
    assert main(arguments, schedule=Schedule(study_epochs=2, epochs={name: 4})) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    entry = results["variants"][name]
    assert (entry["n_train"], entry["n_val"]) == (18, 6)
    assert (len(entry["study_epoch_seconds"]), len(entry["epoch_seconds"])) == (2, 3)
    assert entry["ratio"] > 0
    assert results["measured_with"]["variants"]["images"] == "few.zip; weights: random"
    assert (results["scale"], results["orchestration"]) == ([], {})
    assert str(tmp_path) not in (tmp_path / "results.json").read_text()
    assert f"`{name}`" in capsys.readouterr().out


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_whole_run_is_timed_stage_by_stage_and_as_a_run(images: Path, tmp_path: Path) -> None:
    found = find_images(str(images), None, scratch=tmp_path, environ={SHARED_DATA: str(tmp_path)})
    measured = measure_whole_run(
        found, scratch=tmp_path, report=lambda _: None, folds=2, epochs=2, batch_size=8
    )
    assert [*measured["stages"]] == [
        "ingest",
        "split",
        "audit",
        "fold 1",
        "fold 2",
        "final fit",
        "evaluate",
        "report",
        "promote",
    ]
    assert all(cost["cpu_seconds"] > 0 for cost in measured["stages"].values())
    reports = [Home(tmp_path / way).run("bench").report for way in ("stage-by-stage", "as-run")]
    headlines = [read_json(each / "report.json")["variants"] for each in reports]
    assert headlines[0][VARIANT]["headline"] == headlines[1][VARIANT]["headline"]


def test_images_that_are_not_there_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--quick", "--data", str(tmp_path / "none.zip"), "--out", str(tmp_path / "out")]
    assert main(arguments) == EXIT_CODE
    assert "none.zip' does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_named_images_go_before_those_beside_the_project(images: Path, tmp_path: Path) -> None:
    shared = {SHARED_DATA: str(tmp_path)}
    (tmp_path / "cxr-324.zip").write_bytes(images.read_bytes())
    found = find_images(None, None, scratch=tmp_path / "default", environ=shared)
    assert found.label == "cxr-324.zip; weights: random"
    assert len(list(found.folder.rglob("*.png"))) == N_IMAGES
    found = find_images(str(images), None, scratch=tmp_path / "named", environ=shared)
    assert found.label.startswith("few.zip")
    with pytest.raises(ConfigError, match="WEIGHTS"):
        find_images(None, "no.h5", scratch=tmp_path, environ=shared)
