"""The way back: what a store has is not trusted, and a folder is whole or absent."""

import json
import os
import resource
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.restoring import retire
from cxr_tasks.cli.main import main
from cxr_tasks.errors import ConfigError, CxrError, PublishError
from cxr_tasks.publishing.destination import URL, parse_destination
from cxr_tasks.publishing.fetching import fetch_champion
from cxr_tasks.publishing.sending import publish_champion
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import NOW, draw_champion
from tests.stored import flip_bit

FETCHED = ["manifest.json", "model.keras", "version.json"]


@pytest.fixture
def copy(home: Home, store: Store, folder: Path) -> Path:
    """The champion's copy in a folder."""
    publish_champion(home, store)
    return next(folder.glob("champions/0001-first/*"))


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "back" / "champion"


def forge(copy: Path, **changed: Any) -> None:
    """Write another manifest, with the names of folder and pointer to go with it."""
    manifest = json.loads((copy / "manifest.json").read_bytes()) | changed
    content = json.dumps(manifest).encode()
    digest = sha256(content).hexdigest()
    (copy / "manifest.json").write_bytes(content)
    copy.rename(copy.with_name(digest))
    point(copy, digest=digest)


def point(copy: Path, **changed: Any) -> None:
    path = copy.parents[1] / "current.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changed))


class InterruptedStore(Store):
    """Lets something happen while the model is on its way."""

    meanwhile: Callable[[], object]

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        content = super().read(name, max_bytes=max_bytes)
        if name.endswith("model.keras"):
            self.meanwhile()
        return content


@pytest.fixture
def interrupted(copy: Path, folder: Path) -> InterruptedStore:
    assert copy.exists()
    return InterruptedStore(parse_destination(f"file://{folder}"))


def test_the_champion_comes_back_as_it_was(home: Home, any_store: Store, to: Path) -> None:
    publish_champion(home, any_store)
    assert fetch_champion(any_store, to) == "0001-first"
    for name in ("model.keras", "version.json"):
        own = home.champion / "0001-first" / name
        assert (to / name).read_bytes() == own.read_bytes()
    assert sorted(path.name for path in to.iterdir()) == FETCHED


@pytest.mark.parametrize("name", ["model.keras", "version.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "gone"])
def test_what_is_damaged_gets_no_name(
    copy: Path, store: Store, to: Path, name: str, damage: str
) -> None:
    path = copy / name
    content = path.read_bytes()
    if damage == "flipped":
        flip_bit(path)
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else content + b" ")
    with pytest.raises(PublishError):
        fetch_champion(store, to)
    assert not to.parent.exists() or list(to.parent.iterdir()) == []


HOSTILE = {"size_bytes": 4, "sha256": sha256(b"evil").hexdigest()}


@pytest.mark.parametrize(
    "files",
    [
        [],
        [{"name": "../../evil", **HOSTILE}],
        [{"name": "/tmp/evil", **HOSTILE}],
        [{"name": "..", **HOSTILE}],
        [{"name": "model.keras", **HOSTILE}] * 2,
        [{"name": "model.keras", **HOSTILE}, {"name": "evil", **HOSTILE}],
        [{"name": "model.keras", "size_bytes": -1, "sha256": "00" * 32}],
        [{"name": "model.keras", "size_bytes": 10**15, "sha256": "00" * 32}],
        [{"name": "model.keras", "size_bytes": 4, "sha256": "x"}],
        [{"name": "model.keras", "size_bytes": "4", "sha256": "00" * 32}],
        ["model.keras"],
        "model.keras",
    ],
)
def test_a_hostile_manifest_is_refused(copy: Path, store: Store, to: Path, files: Any) -> None:
    (copy.parents[2] / "evil").write_bytes(b"evil")
    forge(copy, files=files)
    with pytest.raises(PublishError):
        fetch_champion(store, to)
    assert not to.parent.exists() or list(to.parent.iterdir()) == []


@pytest.mark.parametrize(
    "changed", [{"kind": "runs"}, {"name": "0002-other"}, {"format": 2}, {"record_sha256": ""}]
)
def test_a_manifest_of_something_else_is_refused(
    copy: Path, store: Store, to: Path, changed: dict[str, Any]
) -> None:
    forge(copy, **changed)
    with pytest.raises(PublishError):
        fetch_champion(store, to)
    assert not to.exists()


def test_a_forged_manifest_alone_is_not_what_is_refused(copy: Path, store: Store, to: Path) -> None:
    forge(copy, about="The same, by other words.")
    assert fetch_champion(store, to) == "0001-first"


def test_a_model_that_its_record_does_not_know_is_refused(
    copy: Path, store: Store, to: Path
) -> None:
    (copy / "model.keras").write_bytes(b"evil")
    files = json.loads((copy / "manifest.json").read_bytes())["files"]
    forge(copy, files=[{"name": "model.keras", **HOSTILE}, files[1]])
    with pytest.raises(PublishError, match="has a model that its"):
        fetch_champion(store, to)
    assert list(to.parent.iterdir()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "../../evil"},
        {"version": "0001-../x"},
        {"digest": "../.."},
        {"digest": "00" * 32},
        {"version": 1},
    ],
)
def test_a_hostile_pointer_is_refused(
    copy: Path, store: Store, to: Path, changed: dict[str, Any]
) -> None:
    point(copy, **changed)
    with pytest.raises(PublishError):
        fetch_champion(store, to)
    assert not to.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b" " * 2_000_000])
def test_a_pointer_that_is_none_is_refused(
    copy: Path, store: Store, to: Path, content: bytes
) -> None:
    (copy.parents[1] / "current.json").write_bytes(content)
    with pytest.raises(PublishError, match=r"current\.json"):
        fetch_champion(store, to)


def test_a_folder_that_exists_is_left_alone(copy: Path, store: Store, to: Path) -> None:
    to.mkdir(parents=True)
    (to / "mine").touch()
    with pytest.raises(ConfigError, match="exists"):
        fetch_champion(store, to)
    assert [path.name for path in to.iterdir()] == ["mine"]
    assert copy.exists()


@pytest.mark.parametrize("content", [["mine"], []])
def test_a_folder_that_is_made_meanwhile_is_left_alone(
    interrupted: InterruptedStore, to: Path, content: list[str]
) -> None:
    def make() -> None:
        to.mkdir()
        for name in content:
            (to / name).touch()

    interrupted.meanwhile = make
    with pytest.raises(ConfigError, match="exists"):
        fetch_champion(interrupted, to)
    assert [path.name for path in to.iterdir()] == content
    assert list(to.parent.iterdir()) == [to]


def test_a_file_that_takes_the_name_at_the_last_moment_stays(
    copy: Path, store: Store, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def make_and_fill(path: Path, *args: Any, **kwargs: Any) -> None:
        make(path, *args, **kwargs)
        if path == to:
            (to / "mine").touch()

    monkeypatch.setattr(Path, "mkdir", make_and_fill)
    with pytest.raises(PublishError, match="Directory not empty"):
        fetch_champion(store, to)
    assert [path.name for path in to.iterdir()] == ["mine"]
    assert copy.exists()


def test_of_two_fetches_at_once_one_comes_whole(
    interrupted: InterruptedStore, store: Store, to: Path
) -> None:
    interrupted.meanwhile = lambda: fetch_champion(store, to)
    with pytest.raises(ConfigError, match="exists"):
        fetch_champion(interrupted, to)
    assert sorted(path.name for path in to.iterdir()) == FETCHED
    assert list(to.parent.iterdir()) == [to]


def test_what_others_build_beside_the_folder_stays(copy: Path, store: Store, to: Path) -> None:
    others = to.with_name(f".{to.name}.building-abcdefgh")
    others.mkdir(parents=True)
    fetch_champion(store, to)
    assert others.exists()
    assert copy.exists()


def test_each_file_is_on_the_disk_before_the_folder_has_its_name(
    copy: Path, store: Store, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        assert not to.exists()
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", sync)
    fetch_champion(store, to)
    assert sorted(name.split(".writing")[0] for name in synced) == [f".{name}" for name in FETCHED]
    assert copy.exists()


def test_a_folder_below_a_file_says_so(copy: Path, store: Store) -> None:
    with pytest.raises(PublishError, match=r"The folder .*/model\.keras/x cannot be made"):
        fetch_champion(store, copy / "model.keras" / "x")


@pytest.mark.parametrize("folder_name", ["/proc/x", f"/tmp/{'x' * 300}"])
def test_a_folder_that_cannot_be_made_says_so(copy: Path, store: Store, folder_name: str) -> None:
    with pytest.raises(PublishError, match=f"The folder {folder_name} cannot be made"):
        fetch_champion(store, Path(folder_name))
    assert copy.exists()


def test_a_full_disk_is_that_of_the_folder(copy: Path, store: Store, to: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(PublishError, match=f"The folder {to} cannot be made .File too large"):
            fetch_champion(store, to)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(to.parent.iterdir()) == []
    assert copy.exists()


def test_a_record_that_is_none_is_told_of_the_store(copy: Path, store: Store, to: Path) -> None:
    record = b'{"schema_version": 3}'
    (copy / "version.json").write_bytes(record)
    files = json.loads((copy / "manifest.json").read_bytes())["files"]
    forged = {"size_bytes": len(record), "sha256": sha256(record).hexdigest()}
    forge(copy, files=[files[0], {"name": "version.json", **forged}])
    with pytest.raises(PublishError, match=r"version\.json is no record of a champion") as caught:
        fetch_champion(store, to)
    assert str(caught.value).startswith(store.address)
    assert str(to.parent) not in str(caught.value)


def test_the_command_says_what_the_folder_is(
    copy: Path, store: Store, to: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", "--fetch", str(to)], {URL: store.address}) == 0
    assert "for use elsewhere, and no backup" in capsys.readouterr().out
    assert main(["publish", "--fetch", f"{to}/new/.."], {URL: store.address}) == 2
    assert f"{to} exists." in capsys.readouterr().err
    assert sorted(path.name for path in to.iterdir()) == FETCHED
    assert copy.exists()


def test_a_fetched_copy_on_a_volume_is_not_said_to_serve(
    copy: Path, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_champion(store, tmp_path / "new" / "champion" / "0001-first")
    assert main(["champion", "--restore", "--home", str(tmp_path / "new")], {}) == 0
    told = capsys.readouterr().out
    assert "0001-first would serve now, but cannot: it is damaged." in told
    assert "serves now" not in told
    assert copy.exists()


def test_a_restored_champion_that_is_whole_serves(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.champion / "champion.json").unlink()
    assert main(["champion", "--restore", "--home", str(home.root)], {}) == 0
    assert "0001-first serves now." in capsys.readouterr().out


def test_an_empty_store_says_what_to_do(store: Store, to: Path) -> None:
    with pytest.raises(PublishError, match="Publish it first"):
        fetch_champion(store, to)


def test_a_retired_champion_does_not_come_back(
    home: Home, copy: Path, store: Store, to: Path
) -> None:
    retire(home, reason="masks", now=NOW)
    publish_champion(home, store)
    with pytest.raises(ConfigError, match="No champion serves"):
        fetch_champion(store, to)
    assert copy.exists()


def test_the_record_of_another_version_is_refused(
    copy: Path, store: Store, to: Path, tmp_path: Path
) -> None:
    other = draw_champion(tmp_path / "other", "second")
    record = (other.champion / "0001-second" / "version.json").read_bytes()
    shutil.copy(other.champion / "0001-second" / "version.json", copy / "version.json")
    files = json.loads((copy / "manifest.json").read_bytes())["files"]
    forged = {"size_bytes": len(record), "sha256": sha256(record).hexdigest()}
    forge(copy, files=[files[0], {"name": "version.json", **forged}])
    with pytest.raises(CxrError, match="is not about"):
        fetch_champion(store, to)
