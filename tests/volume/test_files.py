import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.files import (
    building,
    digest_of,
    owner_of_leftover,
    read_json,
    volume_error,
    write_json,
    write_text,
)


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


def killed(work: Callable[[], object]) -> None:
    """Do work in a process of its own that is killed at its end."""
    child = os.fork()
    if child == 0:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def die(fd: object) -> None:
    assert fd
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_maker_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    def build() -> None:
        with building(tmp_path / "0003-night.7"):
            os.kill(os.getpid(), signal.SIGKILL)

    def write() -> None:
        os.fsync = die
        write_json(tmp_path / "champion.json", {})

    killed(build)
    killed(write)
    assert {owner_of_leftover(path.name) for path in tmp_path.iterdir()} == {
        "0003-night.7",
        "champion.json",
    }


@pytest.mark.parametrize(
    "name", ["config.json", ".owner.slug.partial", ".owner.slug.lock", "a.building-abcd1234", ".x"]
)
def test_nothing_else_is_a_leftover(name: str) -> None:
    assert owner_of_leftover(name) is None


@pytest.mark.parametrize(("folder", "file"), [(0o755, 0o644), (0o775, 0o664)])
def test_group_may_write_what_it_may_write_in_the_folder(
    tmp_path: Path, folder: int, file: int
) -> None:
    """Platforms that choose the user of each container have the group in common."""
    tmp_path.chmod(folder)
    write_text(tmp_path / "file.txt", "text")
    with building(tmp_path / "built") as built:
        write_text(built / "inside.txt", "text")
    found = [tmp_path / name for name in ("file.txt", "built/inside.txt", "built")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in found] == [file, file, folder]
