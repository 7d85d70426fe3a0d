"""An object store: reading, writing, and what goes wrong told in limited time."""

import os
import resource
import time
from pathlib import Path

import pytest

from cxr_tasks.errors import PublishError
from cxr_tasks.publishing.destination import Destination, parse_destination
from cxr_tasks.publishing.store import Store


def test_what_was_written_is_read(any_store: Store) -> None:
    assert any_store.read("a/b.json", max_bytes=10) is None
    any_store.write("a/b.json", b"12345")
    assert any_store.read("a/b.json", max_bytes=5) == b"12345"
    any_store.write("a/b.json", b"67")
    assert any_store.read("a/b.json", max_bytes=5) == b"67"


def test_one_byte_tells_that_an_object_is_longer(any_store: Store) -> None:
    any_store.write("long", bytes(1000))
    assert any_store.read("long", max_bytes=10) == bytes(11)


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="does not exist"):
        Store(parse_destination(f"file://{tmp_path}/unmounted"))
    assert not (tmp_path / "unmounted").exists()


def test_what_killed_writers_left_is_removed(store: Store, folder: Path) -> None:
    left = folder / ".x.writing-abcdefgh"
    left.touch()
    store.write("x", b"1")
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_a_store_that_hangs_is_given_up(folder: Path) -> None:
    os.mkfifo(folder / "pipe")  # whoever opens it waits for a writer
    store = Store(Destination("file", f"file://{folder}"), wait_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(PublishError, match="has not answered in 0 s"):
        store.read("pipe", max_bytes=0)
    assert time.monotonic() - began < 5


def test_a_full_store_says_so_and_has_nothing_half(store: Store, folder: Path) -> None:
    store.write("x", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(PublishError, match="File too large"):
            store.write("x", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (folder / "x").read_bytes() == b"old"
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(PublishError, match="file:///proc"):
        Store(parse_destination("file:///proc")).write("x/y", b"1")


def test_what_is_secret_is_cut_out_of_a_backends_words(folder: Path) -> None:
    """A folder's name stands for a key here: an error of the operating system names the path."""
    secret = "AKIA0123456789"  # noqa: S105 - looked for where it must not be
    (folder / secret).mkdir()
    destination = Destination("file", f"file://{folder}")
    store = Store(destination, environ={"AWS_SECRET_ACCESS_KEY": secret})
    with pytest.raises(PublishError) as caught:
        store.read(secret, max_bytes=1)
    assert "IsADirectoryError" in str(caught.value)
    assert secret not in str(caught.value)
