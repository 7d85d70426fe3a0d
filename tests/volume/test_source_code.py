"""After an upgrade: results of other code stay, can be read, and are never taken for new ones."""

import compileall
import os
import shutil
from pathlib import Path

import pytest

from cxr_tasks.champion.versions import require_champion
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home, RunPaths, StageName
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import SOURCE, require_record
from cxr_tasks.volume.sealed import read_sealed, write_sealed
from cxr_tasks.volume.source_code import source_digest
from tests.champion.drawn_champion import draw_champion
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.other_code import copy_code, run_code, run_command
from tests.stored import flip_bit

SETTINGS = {"phantom_images": 24, "variants": ["vanilla_cnn"], "threads": 1, "split": "paper"}
FLAGS = (
    "--phantom-images",
    "24",
    "--variants",
    "vanilla_cnn",
    "--threads",
    "1",
    "--split",
    "paper",
)
HELP, DECODING = "cli/watch.py", "data/decoding.py"

_DIGEST = "from cxr_tasks.volume.source_code import source_digest; print(source_digest())"
_EQUAL = """
import sys
from pathlib import Path
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import require_record
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import read_config
from cxr_tasks.flow.equal_run import find_equal_run
run = Home(Path(sys.argv[1])).run("before")
ingested = require_record(run.ingest, IngestRecord)
print(find_equal_run(run.home.run("now"), read_config(run), ingested))
"""


def digest_of(code: Path) -> str:
    return run_code(code, "-c", _DIGEST).stdout.strip()


@pytest.fixture
def upgraded(tmp_path: Path) -> Path:
    return copy_code(tmp_path / "upgraded", changed=HELP)


def stage(run: RunPaths, config: RunConfig, name: StageName) -> None:
    execute(name, StageContext(run, config, Progress(run.progress, name), {}))


@pytest.fixture
def begun(tmp_path: Path) -> RunPaths:
    """Begin a run by the present code, as far as its split."""
    config = make_config(SETTINGS)
    run = start_run(config, Home(tmp_path / "home"), "first")
    for name in ("ingest", "split"):
        stage(run, config, name)
    return run


def content_of(run: RunPaths) -> dict[str, bytes]:
    """Read all files of a run but its log of events."""
    files = [path for path in run.root.rglob("*") if path.is_file() and path != run.progress]
    return {str(path.relative_to(run.root)): path.read_bytes() for path in files}


def test_code_is_known_by_names_and_bytes_alone(tmp_path: Path) -> None:
    copy = copy_code(tmp_path / "elsewhere")
    for path in copy.rglob("*.py"):
        os.utime(path, (0, 0))
    compileall.compile_dir(copy, quiet=1)
    (copy / "cxr_tasks" / "notes.txt").write_text("no source")
    assert digest_of(copy) == source_digest()
    for file in ("errors.py", "reporting/templates/report.css"):
        changed = digest_of(copy_code(tmp_path / file.replace("/", "-"), changed=file))
        assert len(changed) == 16
        assert changed != source_digest()
    (copy / "cxr_tasks" / "errors.py").rename(copy / "cxr_tasks" / "errors2.py")
    assert digest_of(copy) != source_digest()


def test_code_in_an_archive_is_the_same_and_compiled_code_is_known_too(tmp_path: Path) -> None:
    copy = copy_code(tmp_path / "copy")
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", copy)
    assert digest_of(Path(archive)) == source_digest()
    compileall.compile_dir(copy, quiet=1, legacy=True)
    for path in copy.rglob("*.py"):
        path.unlink()
    assert len(digest_of(copy)) == 16


def test_records_and_runs_say_which_code_made_them(begun: RunPaths) -> None:
    for record in (
        require_record(begun.ingest, IngestRecord),
        require_record(begun.split, SplitRecord),
    ):
        assert record.versions[SOURCE] == source_digest()
        assert record.versions["cxr-tasks"] == "0.1.0"
    described = read_sealed(begun.config)
    assert described["code"] == source_digest()
    assert "code" not in described["config"]


@pytest.mark.parametrize("flags", [(), FLAGS], ids=["by name", "with its settings"])
def test_other_code_does_not_go_on_with_a_run(
    flags: tuple[str, ...], begun: RunPaths, upgraded: Path
) -> None:
    before = content_of(begun)
    status, told = run_command(upgraded, begun.home.root, "run", "--run", "first", *flags)
    assert status == 2
    assert "'first' was begun by another state of this project's code" in told
    assert "under another name" in told
    assert content_of(begun) == before


def test_a_damaged_configuration_is_not_given_again_by_other_code(
    begun: RunPaths, upgraded: Path
) -> None:
    flip_bit(begun.config)
    before = content_of(begun)
    status, told = run_command(upgraded, begun.home.root, "run", "--run", "first", *FLAGS)
    assert (status, content_of(begun)) == (2, before)
    assert "'first' was begun by another state of this project's code" in told


def test_a_stage_stays_where_it_is_finished_and_is_refused_where_it_is_not(
    begun: RunPaths, upgraded: Path
) -> None:
    before = content_of(begun)
    for name in ("ingest", "split"):
        status, told = run_command(upgraded, begun.home.root, name, "--run", "first")
        assert status == 0
        assert "by another state of the project's code; kept as it is" in told
    for arguments in (("audit",), ("train", "--variant", "vanilla_cnn"), ("evaluate",)):
        status, told = run_command(upgraded, begun.home.root, *arguments, "--run", "first")
        assert status == 2
        assert "'first' was begun by another state of this project's code" in told
    assert content_of(begun) == before


def test_a_damaged_stage_is_not_made_again_by_other_code(begun: RunPaths, upgraded: Path) -> None:
    flip_bit(begun.split / "split.csv")
    before = content_of(begun)
    status, told = run_command(upgraded, begun.home.root, "split", "--run", "first")
    assert (status, content_of(begun)) == (2, before)
    assert "split.csv is not what its record says" in told
    assert "made again" not in told


def test_a_run_from_before_code_was_known_is_of_other_code(begun: RunPaths) -> None:
    described = read_sealed(begun.config)
    config = make_config(described["config"])
    del described["code"]
    write_sealed(begun.config, described)
    with pytest.raises(ConfigError, match="another state of this project's code"):
        start_run(config, begun.home, "first")
    stage(begun, config, "split")
    with pytest.raises(ConfigError, match="another state of this project's code"):
        stage(begun, config, "audit")


def test_only_results_of_this_code_are_called_unchanged(tmp_path: Path, upgraded: Path) -> None:
    run, config = draw_run(tmp_path / "home", Drawing(n_images=48), key="before")
    finish_report(run, config)
    same = copy_code(tmp_path / "same")
    told = [
        run_code(code, "-c", _EQUAL, str(run.home.root)).stdout.strip() for code in (same, upgraded)
    ]
    assert told == ["before", "None"]


@pytest.mark.slow
def test_data_sets_are_decoded_again_where_what_decides_about_them_has_changed(
    begun: RunPaths, upgraded: Path, tmp_path: Path
) -> None:
    home = begun.home
    first = {path.name for path in home.datasets.iterdir()}
    decoder = copy_code(tmp_path / "decoder", changed=DECODING)
    for code, key, n_more in ((upgraded, "help", 0), (decoder, "decoder", 1)):
        run_code(code, "-c", _START, str(home.root), key)
        status, told = run_command(code, home.root, "ingest", "--run", key)
        assert status == 0, told
        assert len({path.name for path in home.datasets.iterdir()} - first) == n_more
        assert ("were ingested before" in told) is (n_more == 0)


_START = f"""
import sys
from pathlib import Path
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from cxr_tasks.runs.start import start_run
start_run(make_config({SETTINGS!r}), Home(Path(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.slow
def test_other_code_mends_a_version_of_the_champion_from_its_run(
    tmp_path: Path, upgraded: Path
) -> None:
    home = draw_champion(tmp_path / "home")
    before = require_champion(home)
    flip_bit(before.folder / "model.keras")
    with pytest.raises(DamagedError):
        require_champion(home)
    status, told = run_command(upgraded, home.root, "promote", "--run", "first")
    assert status == 0, told
    assert "It is made again from the run." in told
    outputs = require_champion(home).record.outputs
    assert outputs["model.keras"] == before.record.outputs["model.keras"]
