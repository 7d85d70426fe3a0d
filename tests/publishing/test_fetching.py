"""The way back: what a store has is not trusted, and a folder is whole or absent."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.restoring import retire
from cxr_tasks.errors import ConfigError, CxrError, PublishError
from cxr_tasks.publishing.fetching import fetch_champion
from cxr_tasks.publishing.sending import publish_champion
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import NOW, draw_champion
from tests.stored import flip_bit


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


def test_the_champion_comes_back_as_it_was(home: Home, any_store: Store, to: Path) -> None:
    publish_champion(home, any_store)
    assert fetch_champion(any_store, to) == "0001-first"
    for name in ("model.keras", "version.json"):
        own = home.champion / "0001-first" / name
        assert (to / name).read_bytes() == own.read_bytes()
    assert sorted(path.name for path in to.iterdir()) == [
        "manifest.json",
        "model.keras",
        "version.json",
    ]


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
