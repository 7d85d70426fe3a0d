"""Folders, zip files, patterns and the patients file: only the project's own errors."""

import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st

from cxr_tasks.champion.scoring.inputs import open_images
from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import MAX_FILE_BYTES
from cxr_tasks.data.sources.candidates import Candidate, Found, list_candidates
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.patient_table import read_patient_table
from cxr_tasks.data.sources.patients import with_patients
from cxr_tasks.data.sources.source import Source
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import CxrError, SourceError
from cxr_tasks.settings.presets import PRESETS, Preset, matches, relative_pattern
from tests.fuzz.cases import ODD_TEXTS, damaged, fuzzed, texts

STUDY = PRESETS["study"]


def zipped(method: int, members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


MEMBERS = {
    "COVID/a.png": b"one" * 40,
    "COVID/\N{LATIN SMALL LETTER E WITH ACUTE}.png": b"two",
    "NORMAL/b.png": b"three" * 9,
}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ZIPS = [zipped(method, MEMBERS) for method in METHODS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read_all(source: Source) -> None:
    """Do with a source what ingestion does."""
    listing = source.listing()
    source.digest()
    for candidate in listing.candidates:
        with suppress(UnusableImage):
            assert len(source.read(candidate)) <= MAX_FILE_BYTES + 1


def refused(use: Callable[[], object]) -> None:
    with suppress(CxrError):
        use()


def test_archives_that_are_mutated_are_whole(folder: Path) -> None:
    for content in ZIPS:
        (folder / "whole.zip").write_bytes(content)
        read_all(ZipSource(folder / "whole.zip", STUDY, "zip"))


@fuzzed(content=damaged(*ZIPS))
def test_archive(folder: Path, content: bytes) -> None:
    path = folder / "a.zip"
    path.write_bytes(content)
    refused(lambda: read_all(ZipSource(path, STUDY, "zip")))


DIRECTORY_FIELDS = {
    "version": (6, 2),
    "flags": (8, 2),
    "method": (10, 2),
    "time": (12, 4),
    "checksum": (16, 4),
    "packed": (20, 4),
    "size": (24, 4),
    "name": (28, 2),
    "extra": (30, 2),
    "comment": (32, 2),
    "disk": (34, 2),
    "attributes": (38, 4),
    "offset": (42, 4),
}


@fuzzed(
    content=st.sampled_from(ZIPS),
    fields=st.dictionaries(
        st.sampled_from(list(DIRECTORY_FIELDS)),
        st.binary(min_size=4, max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 4]),
        min_size=1,
        max_size=3,
    ),
)
def test_archive_whose_directory_lies(
    folder: Path, content: bytes, fields: dict[str, bytes]
) -> None:
    lying = bytearray(content)
    start = lying.index(b"PK\x01\x02")
    for name, value in fields.items():
        at, size = DIRECTORY_FIELDS[name]
        lying[start + at : start + at + size] = value[:size]
    path = folder / "lying.zip"
    path.write_bytes(lying)
    refused(lambda: read_all(ZipSource(path, STUDY, "zip")))
    refused(lambda: open_images([str(path)]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@fuzzed(names=st.lists(texts.filter(lambda name: len(name) < 3000), min_size=1, max_size=4))
def test_archive_with_odd_names(folder: Path, names: list[str]) -> None:
    path = folder / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            with suppress(UnicodeEncodeError):
                archive.writestr(f"COVID/{name}", b"x")
    refused(lambda: read_all(ZipSource(path, STUDY, "zip")))


@fuzzed(path=texts)
def test_path_that_may_be_none(path: str) -> None:
    place = Path("/nowhere") / f"x{path}"
    for use in (
        lambda: FolderSource(place, STUDY).listing(),
        lambda: ZipSource(place, STUDY, "zip").listing(),
        lambda: ZipSource(place, STUDY, "zip").digest(),
        lambda: read_patient_table(place),
    ):
        with pytest.raises(SourceError):
            use()


@fuzzed(names=st.lists(st.binary(min_size=1, max_size=255), max_size=4))
def test_folder_with_names_of_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    root = tmp_path_factory.mktemp("names")
    covid = os.fsencode(root / "COVID")
    Path(os.fsdecode(covid)).mkdir()
    (root / "NORMAL").mkdir()
    (root / "NORMAL" / "n.png").write_bytes(b"x")
    (root / "COVID" / "covid-or-not.png").write_bytes(b"x")
    made = 0
    for name in names:
        with suppress(OSError, ValueError), open(covid + b"/" + name, "wb"):  # noqa: PTH123 - bytes
            made += 1
    source = FolderSource(root, STUDY)
    read_all(source)
    assert len(source.listing().candidates) <= made + 2


NAMES = (
    "COVID",
    "normal",
    "Covid-19 positive",
    "masks",
    "images",
    "train",
    "1_",
    ".x",
    "a[b]*",
    "",
)


@fuzzed(
    paths=st.lists(
        st.lists(st.sampled_from(NAMES) | texts, min_size=1, max_size=6).map("/".join), max_size=9
    ),
    targets=st.dictionaries(texts, texts, max_size=2),
    preset=st.sampled_from([*PRESETS.values(), Preset("**/COVID/**", "**/normal/**")]),
)
def test_layout_of_any_kind(paths: list[str], targets: dict[str, str], preset: Preset) -> None:
    refused(lambda: list_candidates(Found(tuple(paths), targets), preset, root="the data"))


GLOBS = ("COVID/**", "**/COVID/images/*", "*", "**", "**/*", "?", "a*b?c**", "[a-z].{jp{g,eg},p}")
GLOB_PARTS = (
    "*",
    "**",
    "**/",
    "?",
    "/",
    "a",
    "\n",
    "[",
    "]",
    "!",
    "-",
    "{",
    ",",
    "}",
    "\\",
    "~",
    ".",
)
PATHS = ("COVID/a.png", "x/COVID/images/a.png", "a" * 255, "a/" * 120 + "x.png")


@fuzzed(
    pattern=st.lists(st.sampled_from(GLOB_PARTS)).map("".join) | texts | st.sampled_from(GLOBS),
    path=texts | st.sampled_from(PATHS),
)
def test_pattern_of_any_kind(pattern: str, path: str) -> None:
    refused(lambda: Preset(pattern, "NORMAL/**").label(path))
    refused(lambda: relative_pattern("covid_glob", pattern, root=path))


def test_pattern_of_many_stars_takes_no_time() -> None:
    started = time.process_time()
    assert not matches("a" * 250 + "/" + "a/" * 120, "**/*a*a*a" * 20 + "x")
    assert not matches("a/" * 300, "{**,*/}{a,*}" * 100 + "x")
    assert not matches("a" * 1000, "[a-z]{*,?}**" * 100 + "x")
    assert time.process_time() - started < 10


CANDIDATES = (Candidate("COVID/a.png", 1, "p1"), Candidate("NORMAL/b.png", 0, ""))
TABLES = (
    b"path,patient\nCOVID/a.png,p1\nNORMAL/b.png,p2\n",
    b'\xef\xbb\xbfpath,age,patient,source\r\n"COVID/a.png",3,"p, 1",hospital A\r\n',
    b"patient,path\np1,COVID/a.png\np2\n",
    (
        b"path,patient,Sex,Age,View Position,Follow-up #,Manufacturer,Model,site,gender\n"
        b"COVID/a.png,p1,F,058Y,PA,4,A,B,c,f\nNORMAL/b.png,p2,M,12 M,ap supine,0,,,,\n"
    ),
    "sep=;\nImage Index;Patient ID\n.\\a.png;1.0\nB;nan\n".encode("utf-16"),
)


@fuzzed(content=damaged(*TABLES))
def test_patients_file(folder: Path, content: bytes) -> None:
    path = folder / "patients.csv"
    path.write_bytes(content)
    known: list[Candidate] = []
    refused(lambda: known.extend(with_patients(CANDIDATES, path, report=lambda _line: None)))
    for candidate in known:
        assert isinstance(candidate.patient + candidate.source, str)
        acquisition = candidate.acquisition
        assert acquisition.sex in ("", "F", "M")
        assert 0 <= float(acquisition.age or 0) <= 120
        assert int(acquisition.follow_up or 0) >= 0


READ_WITH_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.sources.zip_file import ZipArchive
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    ZipArchive(Path(sys.argv[1])).unpack("COVID/a.png")
except UnusableImage as err:
    print(err.reason)
"""


def test_member_that_wants_four_gigabytes_is_damaged(tmp_path: Path) -> None:
    content = bytearray(zipped(zipfile.ZIP_LZMA, {"COVID/a.png": b"one" * 40}))
    dictionary = content.index(b"COVID/a.png") + len(b"COVID/a.png") + 5
    content[dictionary : dictionary + 4] = b"\xff" * 4
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    command = [sys.executable, "-c", READ_WITH_LITTLE_MEMORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "damaged in the archive\n", done.stderr


def test_archive_that_would_not_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "pipe.zip", Path("/dev/zero")):
        with pytest.raises(SourceError, match="it is no file"):
            ZipSource(path, STUDY, "zip").listing()


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large"])
def test_patients_file_ends(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "p.csv"
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    if kind == "large":
        path.touch()
        os.truncate(path, 1 << 34)
    with pytest.raises(SourceError, match="no file of at most 256 MiB"):
        read_patient_table(path)


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_patients_file_tells_of_an_odd_name(folder: Path, name: str) -> None:
    row = name.replace('"', '""').encode(errors="surrogatepass")
    (folder / "odd.csv").write_bytes(b'path,patient\n"' + row + b'",p\n')
    refused(lambda: with_patients(CANDIDATES, folder / "odd.csv", report=print))
