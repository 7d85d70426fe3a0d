"""A copy in an object store: whole once, never twice, never over something else."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from cxr_tasks.champion.restoring import retire, roll_back
from cxr_tasks.errors import PublishError
from cxr_tasks.publishing.fetching import fetch_champion
from cxr_tasks.publishing.manifest import Manifest
from cxr_tasks.publishing.sending import publish_champion, publish_report
from cxr_tasks.publishing.store import Store
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import NOW, draw_champion, promote
from tests.publishing.dying import ROOT, publish_and_die

REPORT_WRITES = 4
"""Three files of a report on real images, and its manifest."""


def objects(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file below a folder, with what changes when it is written again."""
    files = (path for path in folder.rglob("*") if path.is_file())
    stats = {str(path.relative_to(folder)): path.stat() for path in files}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in stats.items()}


def publish(home: Home, store: Store, key: str = "first") -> list[str]:
    return [publish_report(home.run(key), store), publish_champion(home, store)]


def test_a_copy_has_a_manifest_of_its_files(home: Home, store: Store, folder: Path) -> None:
    told = publish(home, store)
    assert [line.partition(" file:")[0] for line in told] == [
        "the report is copied to",
        "the champion is copied to",
    ]
    manifests = sorted(folder.rglob("manifest.json"))
    assert len(manifests) == 2
    for path in manifests:
        content = path.read_bytes()
        assert path.parent.name == sha256(content).hexdigest()
        manifest = Manifest.model_validate_json(content)
        assert (manifest.kind, manifest.name) == path.relative_to(folder).parts[:2]
        for each in manifest.files:
            copied = (path.parent / each.name).read_bytes()
            assert (each.size_bytes, each.sha256) == (len(copied), sha256(copied).hexdigest())
        names = {each.name for each in manifest.files} | {path.name}
        assert {each.name for each in path.parent.iterdir()} == names
    current = json.loads((folder / "champions" / "current.json").read_bytes())
    assert current["version"] == "0001-first"
    assert (folder / "champions" / "0001-first" / current["digest"] / "manifest.json").exists()


def test_nothing_is_sent_twice(home: Home, store: Store, folder: Path) -> None:
    publish(home, store)
    before = objects(folder)
    told = publish(home, store)
    assert all("there already: file://" in line for line in told)
    assert objects(folder) == before


@pytest.mark.parametrize("n_writes", [1, REPORT_WRITES - 1, REPORT_WRITES + 2, REPORT_WRITES + 3])
def test_a_killed_publisher_is_completed_by_the_next(
    home: Home, store: Store, folder: Path, n_writes: int
) -> None:
    publish_and_die(home.run("first"), store.address, n_writes=n_writes)
    before = objects(folder)
    assert len(before) == n_writes
    n_manifests = len(list(folder.rglob("manifest.json")))
    assert n_manifests == (n_writes >= REPORT_WRITES) + (n_writes >= REPORT_WRITES + 3)
    publish(home, store)
    after = objects(folder)
    assert after.items() >= before.items()  # none of them was sent again
    assert len(after) == REPORT_WRITES + 4


def test_a_file_that_was_cut_is_sent_again(home: Home, store: Store, folder: Path) -> None:
    publish_and_die(home.run("first"), store.address, n_writes=REPORT_WRITES - 1)
    (cut,) = folder.rglob("report.json")
    whole = cut.read_bytes()
    cut.write_bytes(whole[:100])
    publish(home, store)
    assert cut.read_bytes() == whole


def test_another_manifest_is_an_error_and_stays(home: Home, store: Store, folder: Path) -> None:
    publish(home, store)
    (path,) = folder.glob("runs/first/*/manifest.json")
    path.write_bytes(b"{}")
    before = objects(folder)
    with pytest.raises(PublishError, match="is not what was to be written there"):
        publish_report(home.run("first"), store)
    assert objects(folder) == before


def test_the_pointer_follows_what_serves(home: Home, any_store: Store, tmp_path: Path) -> None:
    def published() -> str:
        publish_champion(home, any_store)
        content = any_store.read("champions/current.json", max_bytes=1000)
        return str(json.loads(content or b"{}")["version"])

    assert published() == "0001-first"
    promote(home, "better")
    assert published() == "0002-better"
    assert fetch_champion(any_store, tmp_path / "second") == "0002-better"
    roll_back(home, None, now=NOW)
    assert published() == "0001-first"
    assert fetch_champion(any_store, tmp_path / "first") == "0001-first"
    retire(home, reason="masks", now=NOW)
    assert published() == "None"


def test_where_none_ever_served_nothing_is_written(store: Store, folder: Path) -> None:
    home = Home(folder.parent / "new")
    assert publish_champion(home, store) == "no champion serves"
    assert objects(folder) == {}


def test_two_champions_of_one_name_lie_side_by_side(
    home: Home, store: Store, folder: Path, tmp_path: Path
) -> None:
    publish_champion(home, store)
    publish_champion(draw_champion(tmp_path / "elsewhere", strength=2.0), store)
    assert len(list(folder.glob("champions/0001-first/*/manifest.json"))) == 2


def test_publishers_at_once_make_one_copy(home: Home, store: Store, folder: Path) -> None:
    command = [sys.executable, "-m", "cxr_tasks", "publish", "--run", "first"]
    environ = {"CXR_HOME": str(home.root), "CXR_PUBLISH_URL": store.address, "PATH": ""}
    both = [subprocess.Popen(command, cwd=ROOT, env=environ) for _ in range(3)]
    assert [each.wait() for each in both] == [0, 0, 0]
    before = objects(folder)
    assert len(before) == REPORT_WRITES + 4
    publish(home, store)
    assert objects(folder) == before
