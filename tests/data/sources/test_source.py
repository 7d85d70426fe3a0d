import gzip
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import MAX_FILE_BYTES
from cxr_tasks.data.sources.candidates import Candidate
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.left_out import LINK_IN_ARCHIVE
from cxr_tasks.data.sources.patients import with_patients
from cxr_tasks.data.sources.source import PhantomSource, Source, open_source
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import CxrError, DataError, SourceError
from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.presets import PRESETS
from cxr_tasks.volume.paths import Home
from tests.image_files import encode, make_files, picture

STUDY = PRESETS["study"]
FILES = {"COVID/COVID/a.png": b"one", "COVID/COVID/b.png": b"two", "NORMAL/NORMAL/c.png": b"three"}


def write_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zip_source(path: Path) -> ZipSource:
    return ZipSource(path, STUDY, "zip")


def names(source: Source) -> list[str]:
    return [candidate.path for candidate in source.listing().candidates]


def test_every_source_of_the_configuration_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cxr_tasks.data.sources.source.download_dataset", lambda _handle, **_more: tmp_path / "zip"
    )
    path = {"data": str(tmp_path)}
    more = {"folder": path, "zip": path, "kaggle": {"kaggle_dataset": "a/b"}, "phantom": {}}
    assert set(more) == set(SETTINGS["source"].choices)
    for kind, settings in more.items():
        config = make_config({"source": kind, **settings})
        assert open_source(config, home=Home(tmp_path), environ={}, report=print).description


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_source_lists_and_reads(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    make_files(data, FILES) if kind == "folder" else write_zip(data, FILES)
    config = make_config({"source": kind, "data": str(data)})
    source = open_source(config, home=Home(tmp_path), environ={}, report=print)
    candidates = source.listing().candidates
    assert [candidate.label for candidate in candidates] == [1, 1, 0]
    assert {item.path: source.read(item) for item in candidates} == FILES
    assert not source.synthetic


@pytest.mark.parametrize("kind", ["folder", "zip", "phantom"])
def test_source_reads_the_same_in_another_process(tmp_path: Path, kind: str) -> None:
    sources: dict[str, Source] = {
        "folder": FolderSource(make_files(tmp_path / "folder", FILES), STUDY),
        "zip": zip_source(write_zip(tmp_path / "zip", FILES)),
        "phantom": PhantomSource(4, 1),
    }
    source = sources[kind]
    candidate = source.listing().candidates[0]
    content = source.read(candidate)  # opens what it keeps open
    assert pickle.loads(pickle.dumps(source)).read(candidate) == content  # noqa: S301


def test_phantom_is_synthetic_and_knows_its_patients() -> None:
    source = PhantomSource(6, 1)
    listing = source.listing()
    assert source.synthetic
    assert listing.n_by_class == {"COVID-19": 3, "normal": 3}
    assert all(candidate.patient.startswith("phantom-") for candidate in listing.candidates)
    assert PhantomSource(6, 2).digest() != source.digest() == PhantomSource(6, 1).digest()


def test_folder_digest_is_of_content_not_place(tmp_path: Path) -> None:
    here = FolderSource(make_files(tmp_path / "here", FILES), STUDY)
    before = here.digest()
    there = FolderSource(make_files(tmp_path / "deep" / "there", FILES), STUDY)
    assert there.digest() == before
    make_files(here.root, {"metadata.csv": b"no image"})
    assert here.digest() == before
    make_files(here.root, {"COVID/COVID/a.png": b"onE"})
    assert here.digest() != before


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _path: None, "No such file"),
        (lambda path: path.mkdir(), "No image of either class"),
        (lambda path: path.write_bytes(b"x"), "(?s)Not a directory.*source=zip"),
        (lambda path: make_files(path, {"pictures/a.png": b""}), r"lies in 'pictures' \(1\)"),
    ],
    ids=["missing", "empty", "file", "other"],
)
def test_unusable_folder(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    make(tmp_path / "data")
    with pytest.raises(SourceError, match=told):
        FolderSource(tmp_path / "data", STUDY).listing()


def test_folder_that_is_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(make_files(tmp_path / "data", FILES))
    assert names(FolderSource(tmp_path / "link", STUDY)) == sorted(FILES)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = make_files(tmp_path, FILES)
    os.mkfifo(root / "COVID" / "pipe.png")
    assert names(FolderSource(root, STUDY)) == sorted(FILES)


def test_too_large_file_is_not_read_whole(tmp_path: Path) -> None:
    root = make_files(tmp_path, FILES)
    os.truncate(root / "COVID/COVID/a.png", 10 * MAX_FILE_BYTES)
    source = FolderSource(root, STUDY)
    assert len(source.read(source.listing().candidates[0])) == MAX_FILE_BYTES + 1


def test_zip_with_a_common_top_folder(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"data/{name}": b"x" for name in FILES})
    assert names(zip_source(path)) == [f"data/{name}" for name in FILES]


def make_encrypted_zip(path: Path) -> None:
    write_zip(path, FILES)
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 8] |= 1  # the flag in the directory
    path.write_bytes(content)


def make_overlapping_zip(path: Path) -> None:
    """Many names for one packed member."""
    packed = os.urandom(2000)
    write_zip(path, {f"COVID/{k}.png": packed for k in range(2)})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    cut = content.index(b"PK\x03\x04", 4)
    directory = content.index(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = struct.pack("<I", cut)
    path.write_bytes(content[:cut] + content[directory:])


def make_lying_zip(path: Path, name: str, n_bytes: int) -> None:
    """A member that the directory says to be of another size."""
    write_zip(path, {**FILES, name: os.urandom(1 << 20)})
    content = bytearray(path.read_bytes())
    start = content.index(name.encode(), content.index(b"PK\x01\x02")) - 46
    content[start + 24 : start + 28] = struct.pack("<I", n_bytes)
    path.write_bytes(content)


def make_large_member_zip(path: Path) -> None:
    """A member said to be as large as an image cannot be."""
    make_lying_zip(path, "COVID/large.png", MAX_FILE_BYTES + 1)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "parent": (lambda p: write_zip(p, {"COVID/../../x.png": b""}), "lead out of it"),
    "parent_backslash": (lambda p: write_zip(p, {"..\\x.png": b""}), "lead out of it"),
    "absolute": (lambda p: write_zip(p, {"/etc/x.png": b""}), "absolute name"),
    "drive": (lambda p: write_zip(p, {"C:/x.png": b""}), "absolute name"),
    "twice_but_for_backslash": (
        lambda p: write_zip(p, {"COVID\\x.png": b"", "COVID/x.png": b""}),
        "twice",
    ),
    "encrypted": (make_encrypted_zip, "(?s)encrypted.*with its password"),
    "bomb": (
        lambda p: make_lying_zip(p, "COVID/COVID/a.png", 2 << 30),
        "packed to less than 1/200",
    ),
    "bomb_beside": (lambda p: make_lying_zip(p, "x.bin", 2 << 30), "packed to less than 1/200"),
    "overlapping": (make_overlapping_zip, "overlap"),
    "no_zip": (lambda p: p.write_bytes(b"hello"), "no whole zip file"),
    "empty": (lambda p: p.write_bytes(b""), "no whole zip file"),
    "no_members": (lambda p: write_zip(p, {}), "No image of either class"),
    "cut": (lambda p: p.write_bytes(write_zip(p, FILES).read_bytes()[:-30]), "no whole zip"),
    "missing": (lambda _p: None, "No such file"),
    "folder": (lambda p: p.mkdir(), "Is a directory"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_zip(tmp_path: Path, kind: str) -> None:
    make, told = HOSTILE[kind]
    make(tmp_path / "a.zip")
    with pytest.raises(SourceError, match=told):
        zip_source(tmp_path / "a.zip").listing()
    assert {path.name for path in tmp_path.iterdir()} <= {"a.zip"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_with_a_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("COVID/a.png", b"1")
        archive.writestr("COVID/a.png", b"2")
    with pytest.raises(SourceError, match="twice"):
        zip_source(tmp_path / "a.zip").listing()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_damaged_member_is_one_unusable_image(tmp_path: Path, method: int) -> None:
    content = os.urandom(5000)
    path = write_zip(tmp_path / "a.zip", {**FILES, "COVID/z.png": content}, method)
    damaged = bytearray(path.read_bytes())
    start = damaged.index(b"COVID/z.png") + 1000
    damaged[start : start + 50] = bytes(50)
    path.write_bytes(damaged)
    source = zip_source(path)
    with pytest.raises(UnusableImage, match="damaged in the archive"):
        source.read(Candidate("COVID/z.png", 1, ""))
    assert source.read(Candidate("COVID/COVID/a.png", 1, "")) == b"one"


def test_member_larger_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    members = {"COVID/a.png": bytes(10_000), "NORMAL/b.png": b""}
    path = write_zip(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", 100)
    path.write_bytes(content)
    source = zip_source(path)
    with pytest.raises(UnusableImage, match="damaged"):
        source.read(source.listing().candidates[0])


def test_too_large_member_is_one_unusable_image(tmp_path: Path) -> None:
    make_large_member_zip(tmp_path / "a.zip")
    source = zip_source(tmp_path / "a.zip")
    assert len(source.listing().candidates) == len(FILES) + 1
    with pytest.raises(UnusableImage, match="larger than 64 MiB"):
        source.read(Candidate("COVID/large.png", 1, ""))


def test_member_packed_densely_is_read_as_any_other(tmp_path: Path) -> None:
    """A black bitmap is packed to a thousandth, and one file of a folder."""
    black = bytes(20 << 20)
    members = {**FILES, "NORMAL/black.bmp": black}
    source = zip_source(write_zip(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED))
    assert len(source.listing().candidates) == len(FILES) + 1
    assert source.read(Candidate("NORMAL/black.bmp", 0, "")) == black


def test_zip_of_an_old_program_of_windows(tmp_path: Path) -> None:
    members = {"COVID\\": b"", **{name.replace("/", "\\"): x for name, x in FILES.items()}}
    source = zip_source(write_zip(tmp_path / "a.zip", members))
    candidates = pickle.loads(pickle.dumps(source)).listing().candidates  # noqa: S301
    assert {item.path: source.read(item) for item in candidates} == FILES


def set_method(path: Path, method: int, *, n_members: int) -> None:
    """Claim another method of packing, for the first members."""
    content = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = -1
        for _ in range(n_members):
            start = content.index(sign, start + 1)
            content[start + at : start + at + 2] = struct.pack("<H", method)
    path.write_bytes(content)


def test_member_packed_by_a_method_of_others_is_one_unusable_image(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    set_method(path, 9, n_members=1)
    source = zip_source(path)
    candidates = source.listing().candidates
    with pytest.raises(UnusableImage, match=r"\(Deflate64\); unpack and pack again"):
        source.read(candidates[0])
    assert source.read(candidates[1]) == b"two"


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (77, "77")])
def test_archive_packed_by_a_method_of_others_is_refused_at_once(
    tmp_path: Path, method: int, name: str
) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    set_method(path, method, n_members=len(FILES))
    with pytest.raises(SourceError, match=name) as caught:
        zip_source(path).listing()
    assert "Unpack it and pack it again" in caught.value.remedy


def test_links_in_an_archive_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    info = zipfile.ZipInfo("COVID/link.png")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    listing = zip_source(path).listing()
    assert len(listing.candidates) == len(FILES)
    assert listing.n_left_out_by_reason == {LINK_IN_ARCHIVE: 1}


@pytest.mark.parametrize(
    ("content", "told", "remedy"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(300), "a 7z archive", "Unpack"),
        (gzip.compress(b"x", mtime=0), "a gzip file", "Unpack"),
        (b"Rar!\x1a\x07" + bytes(300), "a RAR archive", "Unpack"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive", "Unpack"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a web page", "Download"),
        (b'\xef\xbb\xbf{"code": 403}', "JSON", "Download"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"),
        (encode(picture()), "a single image", "source=folder"),
        (b"PK\x03\x04" + bytes(100), "cut short", "Download"),
        (b"", "an empty one", "Download"),
    ],
)
def test_what_is_no_zip_is_named(tmp_path: Path, content: bytes, told: str, remedy: str) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(SourceError, match=f"no whole zip file but .*{told}") as caught:
        zip_source(tmp_path / "a.zip").listing()
    assert remedy in caught.value.remedy


CANDIDATES = (Candidate("COVID/a.png", 1, "p1"), Candidate("NORMAL/b.png", 0, ""))


def test_patients_file_overrides_file_names(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("\ufeffpath,age,patient\nNORMAL/b.png,3,p2\nelse.png,4,p3\n")
    notes: list[str] = []
    patients = [item.patient for item in with_patients(CANDIDATES, path, report=notes.append)]
    assert patients == ["p1", "p2"]
    assert notes == [
        "Warning: patients file: 1 of 2 paths are not in the data set: 'else.png'",
        "age: known for 0 of 1 COVID-19 and 1 of 1 normal images",
        "a patient is known for 1 of 1 COVID-19 and 1 of 1 normal images",
    ]


def test_patients_file_may_say_where_images_are_from(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("path,patient,source\nCOVID/a.png,p1, hospital A \nNORMAL/b.png,p2,\n")
    known = with_patients(CANDIDATES, path, report=lambda _text: None)
    assert [(item.patient, item.source) for item in known] == [("p1", "hospital A"), ("p2", "")]


def test_external_data_set_has_settings_of_its_own() -> None:
    assert make_config({}).external_config() is None
    config = make_config(
        {
            "source": "folder",
            "data": "/d",
            "patients": "p.csv",
            "external_source": "folder",
            "external_data": "/x",
            "external_preset": "radiography",
            "external_patients": "e.csv",
        }
    )
    external = config.external_config()
    assert external is not None
    assert (external.source, external.data) == ("folder", "/x")
    assert (external.preset, external.patients) == ("radiography", "e.csv")
    phantom = make_config({"external_source": "phantom", "seed": 7}).external_config()
    assert phantom is not None
    assert (phantom.source, phantom.seed, phantom.preset) == ("phantom", 8, "study")
    config = make_config({"external_source": "kaggle", "external_data": "owner/set"})
    kaggle = config.external_config()
    assert kaggle is not None
    assert (kaggle.kaggle_dataset, kaggle.data) == ("owner/set", "")


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (None, SourceError, "No such file"),
        (b"", SourceError, "no column path and no column patient"),
        (b"path,who\na,b\n", SourceError, "no column patient"),
        (b"path,patient\n\x81,b\n", SourceError, "can't decode byte 0x81"),
        (b"path,patient\n", DataError, "names no image"),
        (b"path,patient\nz.png,b\n", DataError, r"names no image.*'z\.png'"),
        (b"path,patient\nCOVID/a.png,b\nCOVID/a.png,c\n", DataError, "patient 'b' and 'c'"),
        (b"path,patient\nCOVID/a.png\n\n", None, ""),
    ],
)
def test_patients_file_is_checked(
    tmp_path: Path, content: bytes | None, error: type[CxrError] | None, told: str
) -> None:
    path = tmp_path / "patients.csv"
    if content is not None:
        path.write_bytes(content)
    if error is None:
        assert with_patients(CANDIDATES, path, report=print)[0].patient == ""
        return
    with pytest.raises(error, match=told):
        with_patients(CANDIDATES, path, report=print)


def test_real_archive(shared_data: Path) -> None:
    listing = zip_source(shared_data / "cxr-324.zip").listing()
    assert listing.n_by_class == {"COVID-19": 157, "normal": 167}
    with_known_patient = [item for item in listing.candidates if item.patient]
    assert {item.label for item in with_known_patient} == {0}
    assert len(with_known_patient) == 167
