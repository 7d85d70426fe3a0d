import csv
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.images import MAX_FILE_BYTES, decode_image
from cxr_tasks.data.ingest import ingest
from cxr_tasks.data.plausible import BLANK, COLOUR
from cxr_tasks.data.plausible import MASK as MASK_IMAGE
from cxr_tasks.data.sources.left_out import MASK, NO_CLASS, OTHER, TABLE
from cxr_tasks.errors import ArtifactError, DataError, SourceError
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from tests.data.sources.test_source import write_zip
from tests.image_files import class_files, colour_picture, encode, make_files, picture, png_header

ROOT = Path(__file__).parents[2]


def folder_config(folder: Path, **settings: Any) -> RunConfig:
    return make_config({"source": "folder", "data": str(folder), **settings})


def do_ingest(home: Path, config: RunConfig) -> tuple[str, list[str]]:
    notes: list[str] = []
    return ingest(config, home=Home(home), environ={}, report=notes.append), notes


def content_of(home: Path) -> list[str]:
    """What lies in the data sets' folder, unfinished things included."""
    datasets = home / "datasets"
    return [path.name for path in datasets.iterdir()] if datasets.exists() else []


def test_store_holds_every_image_and_what_is_known_about_it(tmp_path: Path) -> None:
    files = class_files()
    files["NORMAL/00002658_001.tif"] = encode(picture(seed=9).convert("L"), "TIFF")
    fingerprint, _ = do_ingest(tmp_path, folder_config(make_files(tmp_path / "data", files)))
    dataset = open_dataset(Home(tmp_path), fingerprint)
    names = sorted(name for name in files if "COVID" in name)
    names += ["NORMAL/00002658_001.tif", *(f"NORMAL/NORMAL/n{k}.jpg" for k in range(3))]
    assert dataset.index["path"].tolist() == names
    assert dataset.index["label"].tolist() == [1, 1, 1, 0, 0, 0, 0]
    for name, pixels in zip(names, dataset.images, strict=True):
        assert np.array_equal(pixels, decode_image(files[name]).pixels)
    assert dataset.index["patient"].tolist() == ["", "", "", "00002658", "", "", ""]
    row = dataset.index.iloc[3]
    assert row.to_dict() == {
        "path": "NORMAL/00002658_001.tif",
        "label": 0,
        "patient": "00002658",
        "source": "",
        "width": 60,
        "height": 40,
        "mode": "L",
        "format": "TIFF",
        "bytes": len(files[names[3]]),
        "jpeg_tables": "",
        "jpeg_quantization": 0.0,
        "depth": "8",
        **dict.fromkeys(ACQUISITION_FIELDS, ""),
        "sha256": hashlib.sha256(files[names[3]]).hexdigest(),
        "phash": decode_image(files[names[3]]).phash,
    }
    assert dataset.record.n_by_class == {"COVID-19": 3, "normal": 4}
    assert dataset.record.known_patient_fraction_by_class == {"COVID-19": 0, "normal": 0.25}


def test_same_content_is_ingested_once_wherever_it_lies(tmp_path: Path) -> None:
    here = make_files(tmp_path / "here", class_files())
    fingerprint, _ = do_ingest(tmp_path, folder_config(here))
    record = tmp_path / "datasets" / fingerprint / "dataset.json"
    before = record.stat().st_mtime_ns
    there = here.rename(tmp_path / "there")
    again, notes = do_ingest(tmp_path, folder_config(there))
    assert again == fingerprint
    assert record.stat().st_mtime_ns == before
    assert "were ingested before" in notes[-1]


def test_other_bytes_names_or_patients_are_another_data_set(tmp_path: Path) -> None:
    files = class_files()
    data = make_files(tmp_path / "data", files)
    fingerprints = [do_ingest(tmp_path, folder_config(data))[0]]
    make_files(data, {"COVID/COVID/c0.png": encode(picture(seed=77))})
    fingerprints.append(do_ingest(tmp_path, folder_config(data))[0])
    (data / "COVID/COVID/c0.png").rename(data / "COVID/COVID/c00.png")
    fingerprints.append(do_ingest(tmp_path, folder_config(data))[0])
    patients = tmp_path / "patients.csv"
    patients.write_text("path,patient\nCOVID/COVID/c00.png,p\n")
    fingerprints.append(do_ingest(tmp_path, folder_config(data, patients=str(patients)))[0])
    assert len(set(fingerprints)) == 4


BAD = {
    "COVID/empty.png": b"",
    "COVID/text.jpg": b"hello",
    "NORMAL/huge.png": png_header(50_000, 50_000),
    "NORMAL/cut.jpg": encode(picture(width=200, height=200), "JPEG")[:-300],
}


def test_rejected_files_are_listed_with_their_reason(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files() | BAD)
    fingerprint, notes = do_ingest(tmp_path, folder_config(data, max_rejected_fraction=0.5))
    with (tmp_path / "datasets" / fingerprint / "rejected.csv").open(newline="") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    assert rows == [
        ("COVID/empty.png", "1", "empty file"),
        ("COVID/text.jpg", "1", "not an image"),
        ("NORMAL/cut.jpg", "0", "truncated"),
        ("NORMAL/huge.png", "0", "more than 40 megapixels or a side of 20,000 pixels"),
    ]
    record = open_dataset(Home(tmp_path), fingerprint).record
    assert (record.n_images, record.n_rejected, record.n_candidates) == (6, 4, 10)
    assert "4 rejected (1 empty file, 1 not an image" in notes[-1]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_one_file_too_large_costs_that_file_only(tmp_path: Path, kind: str) -> None:
    files = class_files() | {"COVID/COVID/scan.bmp": bytes(MAX_FILE_BYTES + 1)}
    data = tmp_path / "data"
    if kind == "folder":
        make_files(data, files)
    else:
        write_zip(data, files)
    config = make_config({"source": kind, "data": str(data), "max_rejected_fraction": 0.2})
    fingerprint, _ = do_ingest(tmp_path, config)
    record = open_dataset(Home(tmp_path), fingerprint).record
    assert record.n_rejected_by_reason == {"larger than 64 MiB": 1}
    assert record.n_images == 6


def test_what_is_left_out_is_told_and_counted(tmp_path: Path) -> None:
    others = {"COVID/masks/m.png": b"", "metadata.csv": b"", "other/a.png": b"", "LICENSE": b""}
    data = make_files(tmp_path / "data", class_files() | others)
    fingerprint, notes = do_ingest(tmp_path, folder_config(data))
    record = open_dataset(Home(tmp_path), fingerprint).record
    assert record.n_left_out_by_reason == {MASK: 1, TABLE: 1, NO_CLASS: 1, OTHER: 1}
    assert (record.n_unmatched, record.n_ignored_links) == (1, 0)
    assert "left out: 1 image in no class folder. Right where" in "\n".join(notes)
    assert "not read: 'metadata.csv'" in notes


def test_too_many_rejected_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files() | BAD)
    with pytest.raises(DataError, match=r"(?s)4 of 10 files .*'COVID/text\.jpg': not an image"):
        do_ingest(tmp_path, folder_config(data, max_rejected_fraction=0.39))
    assert content_of(tmp_path) == []


def test_store_that_is_there_is_held_to_the_limit_of_this_run(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files() | BAD)
    do_ingest(tmp_path, folder_config(data, max_rejected_fraction=0.4))
    with pytest.raises(DataError, match="4 of 10 files"):
        do_ingest(tmp_path, folder_config(data))


def test_at_most_five_offenders_are_named(tmp_path: Path) -> None:
    bad = {f"COVID/bad-{k}.png": b"" for k in range(9)}
    data = make_files(tmp_path / "data", class_files() | bad)
    with pytest.raises(DataError) as caught:
        do_ingest(tmp_path, folder_config(data))
    assert str(caught.value).count("bad-") == 5
    assert "(9 in all)" in str(caught.value)


@pytest.mark.parametrize(
    "files", [class_files(n_normal=0), class_files(n_normal=0) | {"NORMAL/a.png": b"x"}]
)
def test_one_class_only(tmp_path: Path, files: dict[str, bytes]) -> None:
    data = make_files(tmp_path / "data", files)
    with pytest.raises(DataError, match="No image of the class normal"):
        do_ingest(tmp_path, folder_config(data, max_rejected_fraction=1.0))
    assert content_of(tmp_path) == []


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_missing_data(tmp_path: Path, source: str) -> None:
    config = make_config({"source": source, "data": str(tmp_path / "nowhere")})
    with pytest.raises(SourceError, match="nowhere"):
        do_ingest(tmp_path, config)
    assert content_of(tmp_path) == []


def test_hostile_file_names_survive(tmp_path: Path) -> None:
    names = [
        'a,"b".png',
        "line\nfeed.png",
        "carriage\rreturn.png",
        "crlf\r\n.png",
        "=cmd|' /C'!A0.png",
        "<script>.png",
        "\u202egnp.exe",
        "\U0001f600.png",
        " lead and trail ",
        "NA",
        "\u00e9" * 127,
        "-rf",
        "%2e%2e%2f.png",
        "tab\t.png",
    ]
    content = encode(picture())
    files = class_files() | {f"COVID/{name}": content for name in names}
    fingerprint, _ = do_ingest(tmp_path, folder_config(make_files(tmp_path / "data", files)))
    paths = open_dataset(Home(tmp_path), fingerprint).index["path"]
    assert set(paths) == set(files)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
def test_name_that_is_no_unicode_is_rejected(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files())
    (Path(os.fsdecode(os.fsencode(data) + b"/COVID/\xff.png"))).write_bytes(b"")
    fingerprint, _ = do_ingest(tmp_path, folder_config(data, max_rejected_fraction=0.5))
    rejected = (tmp_path / "datasets" / fingerprint / "rejected.csv").read_text()
    assert r'"COVID/\udcff.png",1,"file name is not Unicode"' in rejected


INGEST = """
import resource, sys
from pathlib import Path
from cxr_tasks.settings.config import make_config
from cxr_tasks.data.ingest import ingest
from cxr_tasks.volume.paths import Home
if __name__ == "__main__":
    if int(sys.argv[2]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
    config = make_config({"source": "phantom", "phantom_images": int(sys.argv[3])})
    ingest(config, home=Home(Path(sys.argv[1])), environ={})
"""


def start_ingest(
    home: Path, *, max_file_bytes: int = 0, n_images: int = 24
) -> subprocess.Popen[str]:
    home.mkdir(exist_ok=True)
    script = home / "script.py"  # worker processes have to find the main module
    script.write_text(INGEST)
    return subprocess.Popen(
        [sys.executable, str(script), str(home), str(max_file_bytes), str(n_images)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_full_volume_leaves_nothing(tmp_path: Path) -> None:
    with start_ingest(tmp_path, max_file_bytes=1_000_000) as process:
        errors = process.communicate()[1]
    assert "OSError: [Errno 27] File too large" in errors
    assert content_of(tmp_path) == []


def test_volume_that_cannot_be_written(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", class_files())
    (tmp_path / "home").write_text("")
    with pytest.raises((NotADirectoryError, FileExistsError)):
        do_ingest(tmp_path / "home", folder_config(data))


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the worker processes")
def test_killed_ingestion_leaves_nothing_that_counts(tmp_path: Path) -> None:
    with start_ingest(tmp_path, n_images=2000) as process:
        wait_until(lambda: any(path.stat().st_size for path in tmp_path.glob("*/.*/images.npy")))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert len(children) >= 2
    wait_until(lambda: not any(Path("/proc", child).exists() for child in children))
    (left,) = content_of(tmp_path)
    fingerprint = left.removeprefix(".").partition(".")[0]
    with pytest.raises(ArtifactError, match="missing or unfinished"):
        open_dataset(Home(tmp_path), fingerprint)


def wait_until(holds: Any, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def test_what_a_killed_ingestion_left_is_cleared_away(tmp_path: Path) -> None:
    config = folder_config(make_files(tmp_path / "data", class_files()))
    fingerprint, _ = do_ingest(tmp_path, config)
    datasets = tmp_path / "datasets"
    (datasets / fingerprint).rename(datasets / f".{fingerprint}.building-killed")
    (datasets / f".{fingerprint}.building-killed" / "dataset.json").unlink()
    assert do_ingest(tmp_path, config)[0] == fingerprint
    assert content_of(tmp_path) == [fingerprint]


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_tasks.volume.progress._WATCH_SECONDS", 0.0)
    _, notes = do_ingest(tmp_path, folder_config(make_files(tmp_path / "data", class_files())))
    assert notes[0] == "folder data: 3 COVID-19, 3 normal"
    assert notes[1] == "1 of 6 images, 0 s left"


def test_folder_that_changes_meanwhile_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_files(tmp_path / "data", class_files())
    monkeypatch.setattr("cxr_tasks.volume.progress._WATCH_SECONDS", 0.0)

    def change(note: str) -> None:
        if note.startswith("1 of 6"):
            make_files(data, {"COVID/COVID/c2.png": encode(picture(seed=50))})

    with pytest.raises(DataError, match="changed while its images were read"):
        ingest(folder_config(data), home=Home(tmp_path), environ={}, report=change)
    assert content_of(tmp_path) == []


@pytest.mark.slow
def test_real_archive(shared_data: Path, tmp_path: Path) -> None:
    config = make_config(
        {
            "source": "zip",
            "data": str(shared_data / "cxr-324.zip"),
            "patients": str(shared_data / "patients.csv"),
        }
    )
    fingerprint, _ = do_ingest(tmp_path, config)
    dataset = open_dataset(Home(tmp_path), fingerprint)
    assert dataset.record.n_by_class == {"COVID-19": 157, "normal": 167}
    assert dataset.record.n_rejected == 0
    assert dataset.index["patient"].nunique() == 280
    assert dataset.images.shape == (324, 224, 224, 3)
    assert dataset.index["path"].is_monotonic_increasing


def test_what_scoring_would_refuse_is_not_ingested(tmp_path: Path) -> None:
    odd = {
        "black.png": Image.new("L", (60, 40)),
        "white.png": Image.new("L", (60, 40), 255),
        "colour.png": colour_picture(),
        "mask.png": picture().convert("L").point(lambda level: 255 * (level > 128)),
    }
    files = class_files(n_covid=9) | {
        f"COVID/COVID/{name}": encode(image) for name, image in odd.items()
    }
    config = folder_config(make_files(tmp_path / "data", files), max_rejected_fraction=0.5)
    fingerprint, _ = do_ingest(tmp_path, config)
    record = open_dataset(Home(tmp_path), fingerprint).record
    assert record.n_by_class == {"COVID-19": 9, "normal": 3}
    assert record.n_rejected_by_reason == {BLANK: 2, COLOUR: 1, MASK_IMAGE: 1}
