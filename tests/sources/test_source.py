import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.config import make_config
from cxr_tasks.data.images import MAX_FILE_BYTES, UnusableImage
from cxr_tasks.errors import CxrError, DataError, SourceError
from cxr_tasks.paths import Home
from cxr_tasks.sources.candidates import Candidate
from cxr_tasks.sources.external import external_config
from cxr_tasks.sources.folder import FolderSource
from cxr_tasks.sources.patients import with_patients
from cxr_tasks.sources.presets import PRESETS
from cxr_tasks.sources.source import SOURCES, PhantomSource, Source, open_source
from cxr_tasks.sources.zip_file import ZipSource
from tests.image_files import make_files

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


def test_every_source_of_the_configuration_can_be_opened() -> None:
    assert set(SOURCES) == {"kaggle", "folder", "zip", "phantom"}


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
        (lambda path: path.write_bytes(b"x"), "Not a directory"),
        (lambda path: make_files(path, {"pictures/a.png": b""}), "at the top 'pictures'"),
    ],
    ids=["missing", "empty", "file", "other"],
)
def test_unusable_folder(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    make(tmp_path / "data")
    with pytest.raises(SourceError, match=told):
        FolderSource(tmp_path / "data", STUDY).listing()


def test_links_out_of_the_folder_are_left_out_and_counted(tmp_path: Path) -> None:
    root = make_files(tmp_path / "data", FILES)
    make_files(tmp_path / "data-secret", {"a.png": b"secret"})
    (root / "COVID" / "out.png").symlink_to(tmp_path / "data-secret" / "a.png")
    (root / "COVID" / "folder").symlink_to(tmp_path / "data-secret")
    (root / "COVID" / "nowhere.png").symlink_to("nowhere")
    (root / "COVID" / "loop.png").symlink_to("loop.png")
    (root / "COVID" / "within.png").symlink_to(root / "COVID" / "COVID" / "a.png")
    listing = FolderSource(root, STUDY).listing()
    assert {item.path for item in listing.candidates} == {*FILES, "COVID/within.png"}
    assert listing.n_ignored_links == 4


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


def make_symlink_zip(path: Path) -> None:
    info = zipfile.ZipInfo("COVID/link.png")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")


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


def make_large_member_zip(path: Path) -> None:
    """A member said to be as large as an image cannot be, packed plausibly."""
    write_zip(path, {**FILES, "COVID/large.png": os.urandom(1 << 20)})
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", MAX_FILE_BYTES + 1)
    path.write_bytes(content)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "parent": (lambda p: write_zip(p, {"COVID/../../x.png": b""}), "lead out of it"),
    "parent_backslash": (lambda p: write_zip(p, {"..\\x.png": b""}), "lead out of it"),
    "absolute": (lambda p: write_zip(p, {"/etc/x.png": b""}), "absolute name"),
    "drive": (lambda p: write_zip(p, {"C:/x.png": b""}), "absolute name"),
    "backslash": (lambda p: write_zip(p, {"COVID\\x.png": b""}), "backslash"),
    "symlink": (make_symlink_zip, "symbolic links"),
    "encrypted": (make_encrypted_zip, "encrypted"),
    "bomb": (
        lambda p: write_zip(p, {**FILES, "COVID/b.png": bytes(30 << 20)}, zipfile.ZIP_DEFLATED),
        "packed to less than 1/200",
    ),
    "bomb_beside": (
        lambda p: write_zip(p, {**FILES, "x.bin": bytes(30 << 20)}, zipfile.ZIP_DEFLATED),
        "packed to less than 1/200",
    ),
    "large": (make_large_member_zip, "more than 64 MiB"),
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
    path = write_zip(tmp_path / "a.zip", {"COVID/a.png": bytes(10_000)}, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", 100)
    path.write_bytes(content)
    source = zip_source(path)
    with pytest.raises(UnusableImage, match="damaged"):
        source.read(source.listing().candidates[0])


CANDIDATES = (Candidate("COVID/a.png", 1, "p1"), Candidate("NORMAL/b.png", 0, ""))


def test_patients_file_overrides_file_names(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("\ufeffpath,age,patient\nNORMAL/b.png,3,p2\nelse.png,4,p3\n")
    notes: list[str] = []
    patients = [item.patient for item in with_patients(CANDIDATES, path, report=notes.append)]
    assert patients == ["p1", "p2"]
    assert notes == ["patients file: 1 of 2 paths are not in the data set"]


def test_patients_file_may_say_where_images_are_from(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("path,patient,source\nCOVID/a.png,p1, hospital A \nNORMAL/b.png,p2,\n")
    known = with_patients(CANDIDATES, path, report=lambda _text: None)
    assert [(item.patient, item.source) for item in known] == [("p1", "hospital A"), ("p2", "")]


def test_external_data_set_has_settings_of_its_own() -> None:
    assert external_config(make_config({})) is None
    config = make_config(
        {"source": "folder", "data": "/first", "external_source": "folder", "external_data": "/x",
         "external_preset": "radiography", "patients": "p.csv", "external_patients": "e.csv"}
    )  # fmt: skip
    external = external_config(config)
    assert external is not None
    assert (external.source, external.data) == ("folder", "/x")
    assert (external.preset, external.patients) == ("radiography", "e.csv")
    phantom = external_config(make_config({"external_source": "phantom", "seed": 7}))
    assert phantom is not None
    assert (phantom.source, phantom.seed, phantom.preset) == ("phantom", 8, "study")
    kaggle = external_config(
        make_config({"external_source": "kaggle", "external_data": "owner/set"})
    )
    assert kaggle is not None
    assert (kaggle.kaggle_dataset, kaggle.data) == ("owner/set", "")


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (None, SourceError, "No such file"),
        (b"", SourceError, "no column path and no column patient"),
        (b"path,who\na,b\n", SourceError, "no column patient"),
        (b"path,patient\n\xff,b\n", SourceError, "utf-8"),
        (b"path,patient\n", DataError, "names no image"),
        (b"path,patient\na.png,b\n", DataError, r"names no image.*'a\.png'"),
        (b"path,patient\nCOVID/a.png,b\nCOVID/a.png,c\n", DataError, "two patients"),
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
