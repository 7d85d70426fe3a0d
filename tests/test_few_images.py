"""Whole runs on next to nothing: they end well with honest numbers, or are refused in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from tests.image_files import encode, make_files, picture

SETTINGS = [
    "--source",
    "folder",
    "--variants",
    "vanilla_cnn",
    "--epochs",
    "1",
    "--batch-size",
    "8",
    "--threads",
    "2",
]
ONE_GROUP = "DataError: The class COVID-19 has 1 groups"


def alike(content: bytes, *, n_covid: int, n_normal: int) -> dict[str, bytes]:
    """Give the same bytes many times, under names of both classes."""
    covid = {f"COVID/COVID/c{k}.png": content for k in range(n_covid)}
    return covid | {f"NORMAL/NORMAL/n{k}.png": content for k in range(n_normal)}


def run_on(files: dict[str, bytes], folder: Path, *settings: str) -> tuple[int, str, Home]:
    """Run the pipeline on files; give its status, all it printed, and the home."""
    images, home = make_files(folder / "images", files), folder / "home"
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "cxr_tasks",
            "run",
            "--home",
            str(home),
            "--run",
            "first",
            "--data",
            str(images),
            *SETTINGS,
            *settings,
        ],
        env={**os.environ, "PYTHONWARNINGS": "default"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log = (home / "runs" / "first" / "run.log").read_text(encoding="utf-8")
    told = ended.stdout + log
    assert "Traceback" not in told
    assert "RuntimeWarning" not in told
    return ended.returncode, told, Home(home)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_covid", "n_normal", "settings", "told"),
    [
        (1, 0, "--split paper", "DataError: No image of the class normal"),
        (1, 1, "--split paper", "DataError: The part 'val' (0 of 2 images) is empty"),
        (1, 1, "--split grouped", ONE_GROUP),
        (12, 12, "--split grouped", ONE_GROUP),
        (12, 12, "--split grouped --folds 2", ONE_GROUP),
        (1, 20, "--split paper", "(5 of 21 images) has images of one class only"),
    ],
)
def test_too_few_images_are_refused_before_anything_trains(
    tmp_path: Path, n_covid: int, n_normal: int, settings: str, told: str
) -> None:
    files = alike(encode(picture()), n_covid=n_covid, n_normal=n_normal)
    status, printed, home = run_on(files, tmp_path, *settings.split())
    assert status == 2
    assert told in printed
    assert not (home.run("first").root / "train").exists()


@pytest.mark.slow
@pytest.mark.parametrize("image", [picture(), picture().convert("L")])
def test_run_on_one_image_many_times_says_that_nothing_can_be_told(
    tmp_path: Path, image: Image.Image
) -> None:
    files = alike(encode(image), n_covid=12, n_normal=12)
    status, printed, home = run_on(files, tmp_path, "--split", "paper")
    assert status == 0, printed
    run = home.run("first")
    report = read_json(run.report / "report.json")
    headline = report["variants"]["vanilla_cnn"]["headline"]
    assert headline["roc_auc"]["value"] == 0.5
    assert report["audit"]["verdict"] == "warning"
    unwrapped = " ".join(printed.split())
    assert "not better than always naming the larger class" in unwrapped
    assert "144 pairs of copies carry both labels" in unwrapped
    page = (run.report / "index.html").read_text(encoding="utf-8").lower()
    assert not any(f">{word}<" in page or f" {word} " in page for word in ("nan", "inf", "none%"))
    assert "NaN" not in (run.report / "report.json").read_text(encoding="utf-8")
