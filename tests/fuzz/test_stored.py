"""What stages stored, damaged in any way: read back as it was, or refused as damaged."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from cxr_tasks.champion.pointer import changing, history, is_whole, serve, serving, serving_without
from cxr_tasks.data.dataset import Dataset, DatasetRecord, open_dataset
from cxr_tasks.data.ingest import ingest
from cxr_tasks.data.split import make_split, read_split
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.errors import ConfigError, CxrError, DamagedError
from cxr_tasks.flow.result import describe_result
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress, read_events
from cxr_tasks.volume.records import finish_once, require_record
from cxr_tasks.volume.sealed import read_sealed, write_sealed
from tests.fuzz.cases import changed, damaged, fuzzed
from tests.stored import accept_changes

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
CONFIG = {"source": "phantom", "phantom_images": 24, "threads": 2, "split": "paper"}
RECORD: dict[str, Any] = {
    "schema_version": 2,
    "stage": "split",
    "seconds": 1.5,
    "seed": 42,
    "config_fingerprint": "ab",
    "inputs": {"config": "cd"},
    "outputs": {"split.csv": "ef"},
    "versions": {"python": "3.11"},
}


class Stored:
    """One run, data set, checkpoint and champion on a volume, each file with its whole content."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        config = make_config(CONFIG)
        self.run: RunPaths = start_run(config, self.home, "drawn")
        fingerprint = ingest(config, home=self.home, environ={}, report=lambda _line: None)
        self.dataset: Dataset = open_dataset(self.home, fingerprint)
        finish_once(
            self.run.split,
            SplitRecord,
            inputs={},
            config_fingerprint=config.fingerprint,
            seed=1,
            build=lambda built: make_split(self.dataset, config, built=built),
            note=print,
        )
        self.checkpoint = root / "checkpoint.npz"
        arrays = (np.arange(6.0), np.ones((2, 3)))
        save_checkpoint(self.checkpoint, Checkpoint("ab", [{"epoch": 3}], arrays, arrays, arrays))
        with changing(self.home):
            serve(self.home, "0001-drawn", action="promoted", reason="by hand", now=NOW)
        Progress(self.run.progress, "train", "vanilla_cnn", echo=str).epoch(
            3, n_epochs=10, seconds_left=5.0, text="loss 0.3"
        )
        self.folder = self.home.datasets / fingerprint
        self.readers: dict[Path, Callable[[], object]] = {
            self.run.config: lambda: open_run(self.home, "drawn")[1],
            self.run.split / "split.json": lambda: require_record(self.run.split, SplitRecord),
            self.run.split / "split.csv": self._read_split,
            self.run.progress: lambda: list(read_events(self.run.progress)),
            self.folder / "dataset.json": lambda: open_dataset(self.home, fingerprint).record,
            self.folder / "index.csv": lambda: open_dataset(self.home, fingerprint).index.to_csv(),
            self.folder / "rejected.csv": lambda: open_dataset(self.home, fingerprint).record,
            self.checkpoint: lambda: load_checkpoint(self.checkpoint),
            self.home.champion / "champion.json": lambda: (
                is_whole(self.home),
                serving(self.home),
                history(self.home),
                serving_without(self.home, "drawn"),
            ),
        }
        self.whole = {path: path.read_bytes() for path in self.readers}
        # a line of events and a checkpoint count for nothing where they are damaged
        without_digest = (self.run.progress, self.checkpoint)
        self.values = {
            path: read() for path, read in self.readers.items() if path not in without_digest
        }

    def _read_split(self) -> str:
        require_record(self.run.split, SplitRecord)
        return read_split(self.run.split).to_csv()

    def check(self, path: Path, content: bytes) -> None:
        """Read a file with another content."""
        path.write_bytes(content)
        try:
            with suppress(CxrError):
                value = self.readers[path]()
                assert value == self.values.get(path, value)
        finally:
            path.write_bytes(self.whole[path])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return Stored(tmp_path_factory.mktemp("stored"))


FILES = (
    "config",
    "record",
    "split",
    "progress",
    "dataset",
    "index",
    "rejected",
    "checkpoint",
    "champion",
)


def test_what_is_damaged_is_whole(stored: Stored) -> None:
    assert len(stored.readers) == len(FILES)
    for read in stored.readers.values():
        read()


@fuzzed(data=st.data(), which=st.sampled_from(range(len(FILES))))
def test_damaged_file(stored: Stored, data: st.DataObject, which: int) -> None:
    path = list(stored.readers)[which]
    content = data.draw(damaged(stored.whole[path]))
    stored.check(path, content)


@fuzzed(content=damaged(json.dumps(RECORD).encode()))
def test_json(stored: Stored, content: bytes) -> None:
    path = stored.home.root / "any.json"
    path.write_bytes(content)
    for read in (read_json, read_sealed):
        with suppress(CxrError):
            assert isinstance(read(path), dict)


@pytest.mark.parametrize(
    "content",
    [
        b'{"schema_version": 2, "content_sha256": "", "a": "\\ud800"}',
        b'{"schema_version": 1, "a": "\\ud800"}',
        b'{"schema_version": 1, "stage": "split"}',
        b'{"schema_version": 1, "stage": "split", "outputs": 3}',
        b'{"schema_version": 1, "stage": [], "outputs": {"\\u0000": "ab"}}',
        b'{"schema_version": 1, "outputs": {"split.csv": "ab"}}',
    ],
)
def test_record_of_other_form(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "split.json").write_bytes(content)
    (tmp_path / "split.csv").write_bytes(b"")
    with pytest.raises(CxrError):
        require_record(tmp_path, SplitRecord)


ENTRY = {"at": "", "action": "promoted", "version": "0001-x", "before": None, "reason": ""}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"version": None},
        {"version": 3, "history": 3},
        {"version": "x", "history": [3]},
        {"version": "x", "history": [{"version": "x"}]},
        {"version": "x", "history": [ENTRY | {"action": "retired"}]},
        {"version": None, "history": [ENTRY]},
        {"version": "x", "history": [ENTRY], "challenges": 3},
        {"version": "x", "history": [ENTRY], "challenges": [{"champion": "x"}]},
    ],
)
def test_pointer_of_other_form(tmp_path: Path, content: dict[str, Any]) -> None:
    home = Home(tmp_path)
    write_sealed(home.champion / "champion.json", content)
    for read in (serving, partial(serving_without, run_key="drawn")):
        with pytest.raises(DamagedError):
            read(home)


def test_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    with suppress(CxrError):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("data", ["~nobody-here/x", "x" * 300, "x/" * 3000])
def test_run_on_a_path_that_can_be_none(tmp_path: Path, data: str) -> None:
    config = make_config({"source": "folder", "data": data})
    with pytest.raises(ConfigError):
        start_run(config, Home(tmp_path), "any")


LINE = json.dumps(
    {
        "stage": "train",
        "kind": "epoch",
        "text": "loss",
        "variant": "",
        "epoch": 3,
        "n_epochs": 10,
        "seconds_left": 5.0,
        "at": 1.7e9,
        "fit": "",
    }
)


@fuzzed(before=damaged(LINE.encode() + b"\n"), change=changed(json.loads(LINE)))
def test_progress_goes_on_after_a_damaged_line(
    stored: Stored, before: bytes, change: dict[str, Any]
) -> None:
    path = stored.home.root / "progress.jsonl"
    with suppress(RecursionError, ValueError):  # JSON's writer
        before += b"\n" + json.dumps(change).encode()
    path.write_bytes(before + b"\n" + LINE.encode() + b"\n")
    (*_, (last, offset)) = read_events(path)
    assert (last.text, last.epoch, offset) == ("loss", 3, path.stat().st_size)
    for event, _ in read_events(path):
        assert event.seconds_left < float("inf")
        assert isinstance(event.text + event.variant + event.fit + event.name, str)


@fuzzed(
    name=st.sampled_from(
        ["report/report.json", "promote/promote.json", "split.error.json", "ingest/ingest.json"]
    ),
    content=damaged(
        b'{"audit": {"verdict": "clean"}, "recommendation": {"variant": "x"}}',
        b'{"decision": "kept", "message": "a", "unchanged_since": "b"}',
    ),
)
def test_word_of_an_ending(stored: Stored, name: str, content: bytes) -> None:
    home = Home(stored.home.root / "ended")
    run = home.run("ended")
    shutil.rmtree(run.root, ignore_errors=True)
    path = run.root / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    told = describe_result(
        home, dag_id="cxr_pipeline", run_id="x", started={"run": "ended"}, state="failure"
    )
    assert "cxr_pipeline" in told["text"]
    with suppress(CxrError):
        unchanged_since(run)


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]  # run by pickle alone


def test_pickled_array_is_refused_where_images_should_be(stored: Stored, tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    content = np.empty(24, dtype=object)
    content[:] = Planted(mark)
    np.save(tmp_path / "images.npy", content, allow_pickle=True)
    np.load(tmp_path / "images.npy", allow_pickle=True)
    assert mark.exists()  # it would be run
    mark.unlink()
    home = Home(tmp_path / "home")
    folder = home.datasets / stored.dataset.fingerprint
    shutil.copytree(stored.folder, folder)
    shutil.copyfile(tmp_path / "images.npy", folder / "images.npy")
    accept_changes(folder, DatasetRecord)
    with pytest.raises(CxrError, match=r"Python objects"):
        open_dataset(home, stored.dataset.fingerprint)
    assert not mark.exists()
