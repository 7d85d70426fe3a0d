"""Images of odd names, from a folder or a zip file through every table to every page."""

import csv
import os
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.ingest import ingest
from cxr_tasks.data.split import make_split, read_split
from cxr_tasks.settings.config import make_config
from cxr_tasks.site.site import Site
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.image_files import encode, make_files, picture
from tests.odd_names import ODD_NAMES, RETURN

PATHS = [f"{folder}/{name}" for folder in ("COVID/COVID", "NORMAL/<b>") for name in ODD_NAMES]


def image_files(paths: list[str]) -> dict[str, bytes]:
    return {path: encode(picture(seed=k)) for k, path in enumerate(paths)}


def test_names_are_odd_and_different() -> None:
    assert len(set(ODD_NAMES)) == len(ODD_NAMES)
    assert max(len(os.fsencode(name)) for name in ODD_NAMES) == 255


def ingested(tmp_path: Path, kind: str, paths: list[str]) -> tuple[Home, str]:
    data = tmp_path / "<i>data\N{RIGHT-TO-LEFT OVERRIDE}"
    if kind == "folder":
        make_files(data, image_files(paths))
    if kind == "folder" and len(paths) > 20:  # else it were too large a part
        Path(os.fsdecode(os.fsencode(data) + b"/COVID/bad\xff\xfe.png")).write_bytes(b"x")
    if kind == "zip":
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in image_files(paths).items():
                archive.writestr(name, content)
    config = make_config({"source": kind, "data": str(data), "split": "paper"})
    home = Home(tmp_path / "home")
    return home, ingest(config, home=home, environ={}, report=lambda _line: None)


def in_csv(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [row["path"] for row in csv.DictReader(stream)]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_names_are_in_index_and_split_as_they_are(tmp_path: Path, kind: str) -> None:
    home, fingerprint = ingested(tmp_path, kind, PATHS)
    dataset = open_dataset(home, fingerprint)
    assert sorted(dataset.index["path"]) == sorted(PATHS)
    make_split(dataset, make_config({"split": "paper"}), built=tmp_path)
    index = list(dataset.index["path"])
    assert list(read_split(tmp_path)["path"]) == index
    assert in_csv(tmp_path / "split.csv") == index
    assert in_csv(home.datasets / fingerprint / "index.csv") == index
    rejected = in_csv(home.datasets / fingerprint / "rejected.csv")
    assert rejected == ([r"COVID/bad\udcff\udcfe.png"] if kind == "folder" else [])


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_carriage_return_alone_is_in_index_as_it_is(tmp_path: Path, kind: str) -> None:
    paths = [f"COVID/{RETURN}", f"NORMAL/{RETURN}"]
    home, fingerprint = ingested(tmp_path, kind, paths)
    assert sorted(open_dataset(home, fingerprint).index["path"]) == paths


def test_carriage_return_alone_is_in_split_as_it_is(tmp_path: Path) -> None:
    paths = [f"{folder}/{k}{RETURN}" for folder in ("COVID", "NORMAL") for k in range(8)]
    home, fingerprint = ingested(tmp_path, "zip", paths)
    dataset = open_dataset(home, fingerprint)
    make_split(dataset, make_config({"split": "paper"}), built=tmp_path)
    assert list(read_split(tmp_path)["path"]) == list(dataset.index["path"])


class Outline(HTMLParser):
    """The kinds of elements in a page with their attributes' names, and all text and values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.kinds: set[tuple[str, str]] = set()
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds |= {(tag, ""), *((tag, name) for name, _ in attrs)}
        self.said += "".join(f"\n{value}" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.said += f"\n{data}"

    def handle_comment(self, data: str) -> None:
        self.kinds.add(("comment", data))


def test_names_are_text_on_the_report_and_the_browsing_pages(tmp_path: Path) -> None:
    outlines = {}
    for kind in ("plain", "odd"):
        classes = ("COVID", "NORMAL") * len(ODD_NAMES)
        names = [f"{folder}/{name}" for folder, name in zip(classes, ODD_NAMES, strict=False)]
        # the model is always wrong, so that the page shows images with their names
        drawing = Drawing(
            n_images=len(ODD_NAMES),
            names=names if kind == "odd" else (),
            n_rejected=3,
            synthetic=False,
            weights_origin="file",
            strengths={"vanilla_cnn": -20.0},
            skipped=["mobilenetv2_frozen", "mobilenetv2_partial", "mobilenetv2_unfrozen"],
        )
        data = tmp_path / kind / ("x" if kind == "plain" else '"><script>{{ 7 * 7 }}<')
        data.mkdir(parents=True)
        run, config = draw_run(
            tmp_path / kind, drawing, key="drawn", source="folder", data=str(data)
        )
        finish_report(run, config)
        shutil.copytree(run.root, run.root.with_name("second"))
        site = Site(Home(tmp_path / kind))
        pages = [
            (run.report / name).read_text(encoding="utf-8")
            for name in ("index.html", "labels.html")
        ]
        pages += [
            str(site.all_runs({}, base="/cxr").body),
            str(site.compared(["drawn", "second"], base="/cxr").body),
        ]
        outlines[kind] = [Outline(page) for page in pages]
        assert read_json(run.report / "report.json")["data"]["n_images"] == drawing.n_images
    for plain, odd in zip(outlines["plain"], outlines["odd"], strict=True):
        assert odd.kinds == plain.kinds
        assert "49" not in set(odd.said.split()) - set(plain.said.split())
    shown = [name for name in ODD_NAMES if name in outlines["odd"][0].said]
    assert len(shown) > 5
