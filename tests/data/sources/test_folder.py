"""Links in a data folder: followed inside it, counted where they lead out."""

import os
from pathlib import Path

import pytest

from cxr_tasks.data.sources.candidates import Listing
from cxr_tasks.data.sources.folder import FolderSource, walk_files
from cxr_tasks.data.sources.left_out import (
    HIDDEN,
    LINK_AGAIN,
    LINK_BROKEN,
    LINK_CIRCLE,
    LINK_OUT,
    MASK,
    SPECIAL,
    n_ignored_links,
)
from cxr_tasks.data.sources.source import stamp_of
from cxr_tasks.errors import DataError, SourceError
from cxr_tasks.settings.presets import PRESETS
from tests.image_files import make_files

STUDY = PRESETS["study"]
FILES = {"COVID/a.png": b"one", "COVID/b.png": b"two", "NORMAL/c.png": b"three"}


def link(root: Path, name: str, target: object) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(str(target))


def listed(root: Path, *, follow_links: bool = False) -> Listing:
    return FolderSource(root, STUDY, follow_links=follow_links).listing()


def names(listing: Listing) -> list[str]:
    return [item.path for item in listing.candidates]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_files(tmp_path / "data", FILES)


def test_links_to_files_inside_are_followed(root: Path) -> None:
    make_files(root, {"store/d.png": b"four", ".git/annex/e.png": b"five"})
    link(root, "COVID/d.png", "../store/d.png")
    link(root, "NORMAL/e.png", "../.git/annex/e.png")
    listing = listed(root)
    assert names(listing) == sorted([*FILES, "COVID/d.png", "NORMAL/e.png"])
    assert listing.n_left_out_by_reason == {HIDDEN: 1}  # the file by its own name
    source = FolderSource(root, STUDY)
    content = {item.path: source.read(item) for item in listing.candidates}
    assert (content["COVID/d.png"], content["NORMAL/e.png"]) == (b"four", b"five")


def test_class_folders_that_are_links_inside_are_followed(tmp_path: Path) -> None:
    root = make_files(tmp_path, {"store/c/x/a.png": b"1", "store/n/b.png": b"2"})
    link(root, "COVID", "store/c")
    link(root, "NORMAL", root / "store/n")
    listing = listed(root)
    assert names(listing) == ["COVID/x/a.png", "NORMAL/b.png"]
    assert listing.n_left_out_by_reason == {}


def test_links_out_of_the_folder_are_counted_by_what_is_wrong(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path / "data-secret", {"a.png": b"secret"})
    link(root, "COVID/out.png", tmp_path / "data-secret/a.png")
    link(root, "COVID/folder", tmp_path / "data-secret")
    link(root, "COVID/nowhere.png", "nowhere")
    link(root, "COVID/loop.png", "loop.png")
    link(root, "COVID/up", "..")
    link(root, "COVID/pipe.png", "../pipe")
    link(root, "COVID/.hidden.png", "a.png")
    os.mkfifo(root / "pipe")
    listing = listed(root)
    assert names(listing) == sorted(FILES)
    assert listing.n_left_out_by_reason == {
        LINK_OUT: 2,
        LINK_CIRCLE: 2,
        SPECIAL: 2,
        LINK_BROKEN: 1,
        HIDDEN: 1,
    }
    assert n_ignored_links(listing.n_left_out_by_reason) == 5


def test_links_out_are_followed_where_that_is_asked_for(root: Path, tmp_path: Path) -> None:
    make_files(tmp_path / "store", {"d.png": b"four", "more/e.png": b"five", "masks/f.png": b"6"})
    link(root, "COVID/d.png", tmp_path / "store/d.png")
    link(root, "NORMAL/more", tmp_path / "store/more")
    link(root, "NORMAL/f.png", tmp_path / "store/masks/f.png")
    link(root, "NORMAL/all", "/")
    listing = listed(root, follow_links=True)
    assert names(listing) == sorted([*FILES, "COVID/d.png", "NORMAL/more/e.png"])
    assert listing.n_left_out_by_reason == {MASK: 1, LINK_CIRCLE: 1}
    stamp = stamp_of(FolderSource(root, STUDY, follow_links=True))
    assert stamp != stamp_of(FolderSource(root, STUDY))


@pytest.mark.parametrize("what", ["images", "classes"])
def test_folder_of_links_into_a_store_needs_the_setting(tmp_path: Path, what: str) -> None:
    store, root = make_files(tmp_path / "store", FILES), tmp_path / "data"
    root.mkdir()
    for name in FILES if what == "images" else ("COVID", "NORMAL"):
        link(root, name, store / name)
    with pytest.raises(SourceError, match="links that lead out of the folder") as caught:
        listed(root)
    assert "--follow-links" in caught.value.remedy
    assert len(names(listed(root, follow_links=True))) == len(FILES)


def test_class_of_links_into_a_store_is_no_empty_class(tmp_path: Path) -> None:
    store, root = make_files(tmp_path / "store", FILES), tmp_path / "data"
    make_files(root, {"NORMAL/c.png": b"three"})
    link(root, "COVID", store / "COVID")
    with pytest.raises(DataError, match="No image of the class COVID-19") as caught:
        listed(root)
    assert "--follow-links" in caught.value.remedy


def test_file_of_several_names_is_taken_once_by_its_own(root: Path) -> None:
    link(root, "COVID/0.png", "a.png")
    link(root, "COVID/all/again", "..")  # a circle
    link(root, "COVID/linked", "../NORMAL-not/x")
    make_files(root, {"NORMAL-not/x/d.png": b"four"})
    link(root, "COVID/d1.png", "../NORMAL-not/x/d.png")
    listing = listed(root)
    assert names(listing) == ["COVID/a.png", "COVID/b.png", "COVID/d1.png", "NORMAL/c.png"]
    assert listing.n_left_out_by_reason == {LINK_AGAIN: 2, LINK_CIRCLE: 1}


def test_file_in_both_classes_is_an_error(root: Path) -> None:
    link(root, "NORMAL/wrong.png", "../COVID/a.png")
    with pytest.raises(DataError, match=r"both classes.*'COVID/a.png', 'NORMAL/wrong.png'"):
        listed(root)


def test_link_to_a_mask_is_a_mask(root: Path) -> None:
    make_files(root, {"masks/deep/m.png": b"mask"})
    link(root, "COVID/m.png", "../masks/deep/m.png")
    link(root, "NORMAL/deep", "../masks/deep")
    listing = listed(root)
    assert names(listing) == sorted(FILES)
    assert listing.n_left_out_by_reason == {MASK: 3}


def test_folder_that_is_a_link_is_read_with_the_links_in_it(root: Path, tmp_path: Path) -> None:
    link(root, "COVID/0.png", root / "COVID/a.png")
    link(tmp_path, "link", root)
    assert names(listed(tmp_path / "link")) == sorted(FILES)


def test_links_to_folders_of_links_do_not_multiply_without_end(tmp_path: Path) -> None:
    depth = 24
    for level in range(depth):
        for name in "ab":
            link(tmp_path, f"{level}/{name}", f"../{level + 1}")
    make_files(tmp_path, {f"{depth}/x.png": b""})
    found = walk_files(tmp_path)
    assert len(found.paths) < 20
    assert found.n_left_out_by_reason[LINK_AGAIN] > 0
