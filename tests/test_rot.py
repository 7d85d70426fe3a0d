"""A flipped bit in any artifact: the next reader says which file, and its maker mends it."""

import shutil
from pathlib import Path

import pytest

from cxr_tasks.audit.audit_record import AuditRecord
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.champion.restoring import restore_pointer, restore_version
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.ingest import ingest
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.errors import ConfigError, DamagedError, DataError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import find_finished, require_record
from tests.champion.drawn_champion import draw_challenger, draw_champion, promote, versions_on_disk
from tests.image_files import class_files, make_files
from tests.made_facts import changed
from tests.stored import flip_bit

POSITIONS = (0.0, 0.31, 0.5, 0.77, 1.0)
STAGES: dict[str, type[StageRecord]] = {
    "split": SplitRecord,
    "audit": AuditRecord,
    "evaluate": ComparisonRecord,
    "report": ReportRecord,
    "promote": PromotionRecord,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return draw_champion(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def home(whole: Home, tmp_path: Path) -> Home:
    shutil.copytree(whole.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.mark.parametrize("stage", STAGES)
def test_flipped_bit_of_any_file_of_a_stage_is_noticed_and_named(stage: str, home: Home) -> None:
    folder = home.run("first").root / stage
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        for position in POSITIONS:
            flip_bit(path, position=position)
            with pytest.raises(DamagedError) as caught:
                require_record(folder, STAGES[stage])
            assert str(path) in caught.value.problem
            told: list[str] = []
            assert find_finished(folder, STAGES[stage], note=told.append) is None
            assert str(path) in told[0]
            path.write_bytes(content)
    require_record(folder, STAGES[stage])


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "rejected.csv", "dataset.json"])
def test_flipped_bit_of_a_data_set_is_noticed(name: str, home: Home) -> None:
    folder = next(home.datasets.iterdir())
    for position in POSITIONS:
        content = (folder / name).read_bytes()
        if content:
            flip_bit(folder / name, position=position)
            with pytest.raises(DamagedError, match=name):
                open_dataset(home, folder.name)
            (folder / name).write_bytes(content)


def test_damaged_data_set_is_ingested_again(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files())
    config = make_config({"source": "folder", "data": str(data)})
    home, told = Home(tmp_path / "home"), list[str]()
    fingerprint = ingest(config, home=home, environ={}, report=told.append)
    before = open_dataset(home, fingerprint).record.outputs
    flip_bit(home.datasets / fingerprint / "images.npy")
    assert ingest(config, home=home, environ={}, report=told.append) == fingerprint
    assert open_dataset(home, fingerprint).record.outputs == before
    assert any("images.npy is not what its record says" in text for text in told)


def ingest_stage(run: RunPaths) -> None:
    config = open_run(run.home, run.key)[1]
    execute("ingest", StageContext(run, config, Progress(run.progress, "ingest"), {}))


@pytest.fixture
def ingested(tmp_path: Path) -> RunPaths:
    data = make_files(tmp_path / "data", class_files())
    given = {"source": "folder", "data": str(data), "variants": "vanilla_cnn"}
    run = start_run(make_config(given), Home(tmp_path / "home"), "a")
    ingest_stage(run)
    return run


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_stage_ingest_mends_its_data_set_and_keeps_its_record(
    damage: str, ingested: RunPaths
) -> None:
    before = (ingested.ingest / "ingest.json").read_bytes()
    folder = next(ingested.home.datasets.iterdir())
    if damage == "gone":
        shutil.rmtree(folder)
    else:
        flip_bit(folder / "images.npy")
    ingest_stage(ingested)
    open_dataset(ingested.home, folder.name)
    assert (ingested.ingest / "ingest.json").read_bytes() == before


def test_data_set_whose_source_has_changed_is_not_replaced_by_another(
    ingested: RunPaths, tmp_path: Path
) -> None:
    flip_bit(next(ingested.home.datasets.iterdir()) / "images.npy")
    next((tmp_path / "data").rglob("*.png")).unlink()
    with pytest.raises(DataError, match="no longer gives the same"):
        ingest_stage(ingested)


def test_damaged_configuration_is_named_and_given_again(tmp_path: Path) -> None:
    config = make_config({"seed": 7})
    run = start_run(config, Home(tmp_path), "a")
    before = run.config.read_bytes()
    flip_bit(run.config)
    with pytest.raises(DamagedError, match=r"config\.json") as caught:
        open_run(Home(tmp_path), "a")
    assert "run --run a" in caught.value.remedy
    start_run(config, Home(tmp_path), "a")
    assert run.config.read_bytes() == before


@pytest.mark.parametrize("name", ["model.keras", "predictions.csv", "version.json"])
def test_damaged_version_is_noticed_and_made_again_from_its_run(name: str, home: Home) -> None:
    before = require_champion(home)
    folder, told = before.folder, list[str]()
    content = (folder / "model.keras").read_bytes()
    flip_bit(folder / name)
    with pytest.raises(DamagedError, match=name):
        require_champion(home)
    run, config = open_run(home, "first")
    restore_version(run, config, require_record(run.promote, PromotionRecord), note=told.append)
    after = require_champion(home)
    assert after.name == before.name
    assert (folder / "model.keras").read_bytes() == content
    assert changed(after.record, {"seconds": 0.0}) == changed(before.record, {"seconds": 0.0})
    assert name in told[0]


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_damaged_pointer_is_named_and_restored_from_the_versions(damage: str, home: Home) -> None:
    pointer = home.champion / "champion.json"
    before = read_json(pointer)
    if damage == "gone":
        pointer.unlink()
    else:
        flip_bit(pointer)
    with pytest.raises(DamagedError, match="champion --restore"):
        require_champion(home)
    assert restore_pointer(home, note=print) == before["version"]
    assert read_json(pointer) == before


def test_lost_pointer_makes_no_version_unserved(home: Home) -> None:
    (home.champion / "champion.json").unlink()
    shutil.rmtree(home.run("first").promote)
    with pytest.raises(DamagedError, match="champion --restore"):
        promote(home, "first")
    assert versions_on_disk(home) == ["0001-first"]


def test_pointer_and_a_version_damaged_at_once_are_mended_one_after_the_other(home: Home) -> None:
    flip_bit(home.champion / "champion.json")
    flip_bit(home.champion / "0001-first" / "model.keras")
    assert restore_pointer(home, note=print) == "0001-first"
    run, config = open_run(home, "first")
    restore_version(run, config, require_record(run.promote, PromotionRecord), note=print)
    assert require_champion(home).name == "0001-first"


def test_champion_that_is_gone_altogether_comes_back_from_its_run(home: Home) -> None:
    shutil.rmtree(home.champion)
    run, config = open_run(home, "first")
    restore_version(run, config, require_record(run.promote, PromotionRecord), note=print)
    assert require_champion(home).name == "0001-first"


def test_damaged_version_of_a_run_that_promotes_again_is_made_again(home: Home) -> None:
    model = home.champion / "0001-first" / "model.keras"
    before = model.read_bytes()
    flip_bit(model)
    shutil.rmtree(home.run("first").promote)
    assert promote(home, "first").version == "0001-first"
    assert model.read_bytes() == before


def test_whole_pointer_is_not_restored(home: Home) -> None:
    with pytest.raises(ConfigError, match="is whole"):
        restore_pointer(home, note=print)


def test_equal_run_whose_report_is_damaged_is_not_relied_on(home: Home) -> None:
    run, config = open_run(home, "first")
    ingested = require_record(run.ingest, IngestRecord)
    draw_challenger(home.root, "second")
    second = home.run("second")
    assert find_equal_run(second, config, ingested) == "first"
    flip_bit(run.report / "index.html")
    assert find_equal_run(second, config, ingested) is None
