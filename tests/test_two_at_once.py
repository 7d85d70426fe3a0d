"""Two processes at one thing: each is right, or is told why not."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest

import cxr_tasks
from cxr_tasks.champion.restoring import retire
from cxr_tasks.cli.main import main
from cxr_tasks.errors import CxrError
from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.flow.result import describe_result
from cxr_tasks.flow.stages import STAGES, StageContext, execute
from cxr_tasks.runs.failure import interruption, write_failure
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json, volume_error
from cxr_tasks.volume.locks import volume_alone
from cxr_tasks.volume.paths import Home, StageName
from cxr_tasks.volume.progress import Progress, read_events
from cxr_tasks.volume.records import find_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.image_files import class_files, make_files

VARIANT = "vanilla_cnn"


def together(*commands: list[str]) -> list[tuple[int, str]]:
    """Run commands of the project at the same time; give status and all they printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "cxr_tasks", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    told = [process.communicate(timeout=280)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


@pytest.mark.slow
def test_one_run_started_twice_is_trained_once(tmp_path: Path) -> None:
    settings = ["--phantom-images", "24", "--variants", VARIANT, "--epochs", "2", "--threads", "2"]
    command = ["run", "--run", "first", "--home", str(tmp_path), *settings]
    (status, told), (other_status, other_told) = together(command, command)
    assert (status, other_status) == (0, 0), told + other_told
    last_screens = [text[text.index("\n24 synthetic") :] for text in (told, other_told)]
    assert last_screens[0] == last_screens[1]
    run = Home(tmp_path).run("first")
    events = [event for event, _ in read_events(run.progress)]
    epochs = [event.epoch for event in events if event.kind == "epoch"]
    assert epochs == [1, 2]
    assert not [event for event in events if event.kind == "failed"]
    assert len(pd.read_csv(run.train(VARIANT) / "history.csv")) == 2


def test_one_run_started_twice_with_other_settings_is_refused_once(tmp_path: Path) -> None:
    images = make_files(tmp_path / "images", class_files(n_covid=1, n_normal=0))
    command = ["run", "--run", "first", "--home", str(tmp_path / "home"), "--source", "folder"]
    command += ["--data", str(images)]
    ended = together([*command, "--seed", "1"], [*command, "--seed", "2"])
    assert [status for status, _ in ended] == [2, 2]
    refused = [text for _, text in ended if "ConfigError: The run 'first' exists" in text]
    went_on = [text for _, text in ended if "DataError: No image of the class normal" in text]
    assert (len(refused), len(went_on)) == (1, 1)
    assert "Traceback" not in "".join(text for _, text in ended)
    seed = open_run(Home(tmp_path / "home"), "first")[1].seed
    assert f"seed was {seed}, now {3 - seed}" in refused[0]


def test_one_data_set_wanted_by_two_runs_is_decoded_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for key in ("first", "second"):
        start_run(make_config({"phantom_images": 50}), home, key)
    command = ["ingest", "--home", str(home.root), "--run"]
    ended = together([*command, "first"], [*command, "second"])
    assert [status for status, _ in ended] == [0, 0]
    told = [text for _, text in ended]
    assert sum("50 images in " in text for text in told) == 1
    assert sum("50 images were ingested before" in text for text in told) == 1
    fingerprints = {
        read_json(home.run(key).ingest / "ingest.json")["dataset"] for key in ("first", "second")
    }
    assert {path.name for path in home.datasets.iterdir()} == fingerprints


WITHIN_A_STAGE = {"activations.py", "ingest.py", "kaggle.py", "making.py", "store.py", "weights.py"}
"""Modules that take locks only while a stage or a look at the source already uses the volume."""

OF_A_PERSONS_FILE = {"label_decisions.py", "notes.py"}
"""What they write lies outside the volume, or is never freed."""


def run_stage_here(home: Home, stage: StageName) -> None:
    run, config = open_run(home, "first")
    variant = VARIANT if stage in ("train", "fold") else ""
    context = StageContext(run, config, Progress(run.progress, stage, variant), {}, variant)
    execute(stage, context.for_fold(1) if stage == "fold" else context)


def write_a_failure(home: Home) -> None:
    run = home.run("first")
    write_failure(
        interruption(KeyboardInterrupt()), run, run.error("audit"), Progress(run.progress, "audit")
    )


WRITERS: dict[str, Callable[[Home], object]] = {
    "start": lambda home: start_run(make_config({}), home, "second"),
    "failure": write_a_failure,
    "champion": lambda home: retire(home, reason="", now=datetime(2026, 1, 1, tzinfo=UTC)),
    **{stage: partial(run_stage_here, stage=stage) for stage in STAGES if stage != "ingest"},
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whoever_writes_waits_while_space_is_freed(writer: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    start_run(make_config({"variants": VARIANT}), home, "first")

    def write() -> None:
        with suppress(CxrError):  # most miss what they build on, once they have come so far
            WRITERS[writer](home)

    with volume_alone(home, wait_seconds=0) as is_alone:
        assert is_alone
        thread = Thread(target=write)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(60)
    assert not thread.is_alive()


def test_whoever_takes_a_lock_uses_the_volume() -> None:
    """Else `space --free` could remove what is just being made."""
    texts = {path: path.read_text() for path in Path(cxr_tasks.__path__[0]).rglob("*.py")}
    lockers = {path.name for path, text in texts.items() if "volume.locks import locked" in text}
    users = {path.name for path, text in texts.items() if "volume_in_use(" in text}
    assert lockers - users == WITHIN_A_STAGE | OF_A_PERSONS_FILE


class Vanishing:
    """Deletes a run, renamed away first, at the moment that a file of it is opened to be read.

    Python's audit hooks cannot be taken off again, so there is one for all.
    """

    root = ""
    left = 0
    n_seen = 0

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.root or event not in ("open", "os.scandir"):
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self.root):
            return
        if event == "open" and int(arguments[2]) & (os.O_WRONLY | os.O_RDWR):  # type: ignore[call-overload]
            return
        self.n_seen += 1
        self.left -= 1
        if self.left == 0:
            self.remove()

    def remove(self) -> None:
        root, self.root = self.root, ""
        aside = tempfile.mkdtemp(dir=Path(root).parents[1])
        Path(root).rename(Path(aside) / "run")
        shutil.rmtree(aside)


vanishing = Vanishing()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two finished runs of the same settings and images."""
    sys.addaudithook(vanishing)
    root = tmp_path_factory.mktemp("drawn")
    skipped = ("mobilenetv2_frozen", "mobilenetv2_partial", "mobilenetv2_unfrozen")
    for key in ("first", "second"):
        drawing = Drawing(n_images=24, skipped=skipped, explained=False)
        finish_report(*draw_run(root, drawing, key=key))
    return root


@contextmanager
def deleted_at(moment: int, drawn: Path, folder: Path) -> Iterator[Home]:
    """Give a copy of the home whose first run is deleted when that many files were opened."""
    shutil.copytree(drawn, folder / "home")
    vanishing.root, vanishing.left = str(folder / "home" / "runs" / "first"), moment
    vanishing.n_seen = 0
    try:
        yield Home(folder / "home")
    finally:
        vanishing.root = ""
        shutil.rmtree(folder / "home")


def at_every_moment(
    drawn: Path, folder: Path, read: Callable[[Home], None], *, step: int = 1
) -> None:
    """Have a run read that is deleted meanwhile, at every moment that there is, or some."""
    with deleted_at(0, drawn, folder) as home:
        read(home)
        n_moments = vanishing.n_seen
    assert n_moments > 1
    for moment in range(1, n_moments + 1, step):
        with deleted_at(moment, drawn, folder) as home:
            read(home)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_stage_of_a_run_that_is_deleted_ends_with_a_message(
    step: int, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unreported = tmp_path / "unreported"  # what is finished would not be made again
    shutil.copytree(drawn, unreported, ignore=shutil.ignore_patterns("report"))
    statuses = []

    def report(home: Home) -> None:
        statuses.append(main(["report", "--run", "first", "--home", str(home.root)], {}))
        told = capsys.readouterr().err
        assert (told == "") == (statuses[-1] == 0)
        if told:
            assert told.startswith(("ArtifactError: ", "DamagedError: ", "ConfigError: "))
            assert not home.run("first").report.exists()

    at_every_moment(unreported, tmp_path, report, step=step)
    assert statuses[0] == 0
    assert set(statuses[1:]) <= {0, 2}
    assert statuses.count(2) > 10 / step


def test_equal_run_that_is_deleted_is_none(drawn: Path, tmp_path: Path) -> None:
    found = []

    def look(home: Home) -> None:
        run, config = open_run(home, "second")
        record = find_record(run.ingest, IngestRecord)
        assert record is not None
        found.append(find_equal_run(run, config, record))

    at_every_moment(drawn, tmp_path, look)
    assert found[0] == "first"
    assert set(found[1:]) == {None}


def test_ending_of_a_run_that_is_deleted_is_told(drawn: Path, tmp_path: Path) -> None:
    told = []

    def tell(home: Home) -> None:
        facts = describe_result(
            home, dag_id="d", run_id="x", state="success", started={"run": "first"}
        )
        told.append(facts)

    at_every_moment(drawn, tmp_path, tell)
    assert "verdict" in told[0]
    assert all("errors" in facts for facts in told[1:])


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_volume_without_locks_is_said_to_need_them(number: int) -> None:
    err = OSError(number, os.strerror(number), "/volume/locks/a.lock")
    told = volume_error(err, home=Path("/volume"))
    assert told is not None
    assert "The shared volume /volume gives no locks" in told.problem
    assert "flock" in told.rule
