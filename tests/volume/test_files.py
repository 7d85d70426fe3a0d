import multiprocessing
import os
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.files import building, digest_of, read_json, volume_error, write_json
from cxr_tasks.volume.locks import locked


class Interrupted(BaseException):
    """What a stop from outside looks like in a test."""


def interrupted_build(folder: Path, text: str) -> None:
    with building(folder) as built:
        (built / "split.csv").write_text(text)
        raise Interrupted


def test_interrupted_building_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        interrupted_build(tmp_path / "split", "half")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_building_keeps_what_stood_there(tmp_path: Path) -> None:
    with building(tmp_path / "split") as built:
        (built / "split.csv").write_text("first")
    with pytest.raises(Interrupted):
        interrupted_build(tmp_path / "split", "second")
    assert (tmp_path / "split" / "split.csv").read_text() == "first"


def test_building_replaces_and_clears_leftovers(tmp_path: Path) -> None:
    (tmp_path / ".split.building-killed").mkdir()
    for text in ("first", "second"):
        with building(tmp_path / "split") as built:
            (built / "split.csv").write_text(text)
    assert [path.name for path in tmp_path.iterdir()] == ["split"]
    assert (tmp_path / "split" / "split.csv").read_text() == "second"


def test_json_keeps_any_text(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": 'ä"\n<script>'})
    assert read_json(tmp_path / "a.json") == {"name": 'ä"\n<script>'}


@pytest.mark.parametrize("content", ["", "{", "[1]", "\xff"])
def test_damaged_json_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ArtifactError, match=r"a\.json cannot be read"):
        read_json(path)


def test_missing_json_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        read_json(tmp_path / "a.json")


def test_digest_ignores_key_order() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_full_volume_is_said_in_the_projects_words() -> None:
    told = volume_error(OSError(28, "No space left on device", "x"), home=Path("/volume"))
    assert told is not None
    assert "is full" in str(told)
    assert volume_error(OSError(2, "No such file"), home=Path("/volume")) is None


def _hold(path: Path, started: Path) -> None:
    with locked(path):
        started.touch()
        time.sleep(60)


def test_lock_dies_with_its_holder(tmp_path: Path) -> None:
    path, started = tmp_path / "locks" / "a.lock", tmp_path / "started"
    holder = multiprocessing.get_context("spawn").Process(target=_hold, args=(path, started))
    holder.start()
    while not started.exists():
        time.sleep(0.05)
    os.kill(holder.pid or 0, 9)
    holder.join()
    with locked(path):
        pass


def test_who_waits_for_a_lock_is_told_once(tmp_path: Path) -> None:
    path, told = tmp_path / "locks" / "a.lock", Event()
    with locked(path, on_wait=lambda: pytest.fail("nobody holds it")):
        second = Thread(target=hold_briefly, args=(path, told))
        second.start()
        assert told.wait(10)
        assert second.is_alive()
    second.join(10)
    assert not second.is_alive()


def hold_briefly(path: Path, told: Event) -> None:
    with locked(path, on_wait=told.set):
        pass
