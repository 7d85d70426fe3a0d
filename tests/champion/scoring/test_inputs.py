import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cxr_tasks.champion.scoring.inputs import MASKS, NewImages, open_images
from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.errors import DataError, SourceError
from tests.data.sources.test_source import HOSTILE, make_large_member_zip, write_zip
from tests.image_files import make_files

ROOT = Path(__file__).parents[3]
FILES = {"a.png": b"a", "below/b.JPG": b"b", "below/no-suffix": b"c"}


def paths(images: NewImages) -> list[str]:
    return [candidate.path for candidate in images.candidates]


def contents(images: NewImages) -> dict[str, bytes]:
    return {item.path: images.reader.read(item) for item in images.candidates}


def test_folders_archives_and_files_are_read_together_in_order(tmp_path: Path) -> None:
    folder = make_files(tmp_path / "folder", FILES)
    archive = write_zip(tmp_path / "x.ZIP", {"in/d.png": b"d"})
    single = tmp_path / "single.txt"
    single.write_bytes(b"e")
    images = open_images([str(archive), str(single), str(folder)])
    expected = {
        f"{folder}/a.png": b"a",
        f"{folder}/below/b.JPG": b"b",
        f"{folder}/below/no-suffix": b"c",
        f"{single}": b"e",
        f"{archive}/in/d.png": b"d",
    }
    assert contents(images) == expected
    assert paths(images) == sorted(expected)
    assert contents(pickle.loads(pickle.dumps(images))) == expected  # noqa: S301 - to workers
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "single.txt", "x.ZIP"]


def test_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    folder = make_files(tmp_path, FILES)
    images = open_images([str(folder), f"{folder}/a.png", f"{folder}/below"])
    assert len(images.candidates) == len(FILES)


def test_what_is_no_image_by_name_is_left_out_and_counted(tmp_path: Path) -> None:
    others = {"notes.txt": b"", "b/x.TXT": b"", "in.zip": b"", ".DS_Store": b"", ".git/a.png": b""}
    images = open_images([str(make_files(tmp_path, FILES | others))])
    assert len(images.candidates) == len(FILES)
    assert images.n_left_out == {".txt": 2, "hidden": 2, ".zip": 1}


def test_masks_are_not_scored_unless_they_are_named(tmp_path: Path) -> None:
    folder = make_files(tmp_path, FILES | {"COVID/masks/a.png": b"m", "Lung Masks/b.png": b"m"})
    images = open_images([str(folder)])
    assert len(images.candidates) == len(FILES)
    assert images.n_left_out == {MASKS: 2}
    assert len(open_images([f"{folder}/COVID/masks"]).candidates) == 1


def test_named_file_is_not_counted_as_left_out(tmp_path: Path) -> None:
    folder = make_files(tmp_path, FILES | {"notes.txt": b"t"})
    images = open_images([str(folder), f"{folder}/notes.txt"])
    assert f"{folder}/notes.txt" in paths(images)
    assert images.n_left_out == {}


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    folder = make_files(tmp_path / "folder", FILES)
    make_files(tmp_path, {"secret.png": b"secret"})
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "within.png").symlink_to(folder / "a.png")
    images = open_images([str(folder)])
    assert images.n_ignored_links == 1  # each name has a score, also two of one file
    assert {Path(path).name for path in paths(images)} == {
        "a.png",
        "b.JPG",
        "no-suffix",
        "within.png",
    }


@pytest.mark.parametrize("kind", ["absolute", "bomb", "encrypted", "overlapping", "parent"])
def test_archive_that_is_not_safe_is_refused_as_a_whole(tmp_path: Path, kind: str) -> None:
    make, message = HOSTILE[kind]
    make(tmp_path / "x.zip")
    with pytest.raises(SourceError, match=message):
        open_images([str(tmp_path / "x.zip")])


def test_too_large_member_alone_is_refused(tmp_path: Path) -> None:
    make_large_member_zip(tmp_path / "x.zip")
    images = open_images([str(tmp_path / "x.zip")])
    large = next(item for item in images.candidates if item.path.endswith("large.png"))
    with pytest.raises(UnusableImage, match="larger than 64 MiB"):
        images.reader.read(large)
    assert len(images.candidates) == 4


@pytest.mark.parametrize("files", [{}, {"notes.txt": b""}], ids=["empty", "text"])
def test_nothing_to_score_is_an_error(tmp_path: Path, files: dict[str, bytes]) -> None:
    make_files(tmp_path, files)
    with pytest.raises(DataError, match="found: 1 .txt" if files else "found: nothing"):
        open_images([str(tmp_path)])


def test_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    folder = make_files(tmp_path / "f", FILES)
    archive = write_zip(tmp_path / "x.zip", {"d.png": b"d"})
    both = [str(folder), str(archive)]
    before = open_images(both).digest()
    make_files(folder, {"notes.txt": b"no image"})
    assert open_images(both[::-1]).digest() == before
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("e.png", b"e")
    changed_archive = open_images(both).digest()
    make_files(folder, {"a.png": b"A"})
    changed_file = open_images(both).digest()
    (folder / "a.png").rename(folder / "z.png")
    assert len({before, changed_archive, changed_file, open_images(both).digest()}) == 4


def test_what_workers_import_is_light() -> None:
    modules = "cxr_tasks.champion.scoring.inputs, cxr_tasks.champion.scoring.request"
    code = f"import {modules}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert {"tensorflow", "keras", "pandas", "matplotlib", "sklearn"}.isdisjoint(
        done.stdout.split()
    )
