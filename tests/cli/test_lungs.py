from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.lungs.measuring import dice, phantom_with_mask
from bench.lungs.strangers import draw_strangers
from cxr_tasks.cli.main import main


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two phantoms, one in a sub-folder, a hand, a text file and a broken image."""
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("one.png", "sub/two.jpg")):
        picture = Image.fromarray(phantom_with_mask(number, seed=3)[0])
        picture.resize((300, 260)).save(folder / name)
    hand = draw_strangers(1, seed=0)["hand"][0]
    Image.fromarray(hand).save(folder / "hand.png")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("text")
    return folder


def test_masks_are_written_and_the_rest_is_counted(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, overlay = tmp_path / "masks", tmp_path / "overlay"
    assert main(["lungs", str(images), "--out", str(out), "--overlay", str(overlay)], {}) == 0
    told = capsys.readouterr().out
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert files == ["one.png", "sub/two.png"]
    assert (overlay / "sub" / "two.png").is_file()
    mask = np.asarray(Image.open(out / "one.png")) > 0
    assert mask.shape == (260, 300)
    _, truth = phantom_with_mask(0, seed=3)
    small = np.asarray(Image.fromarray(mask).resize((224, 224)))
    assert dice(small[None], truth[None])[0] > 0.9
    assert "2 found, 1 unusable, 1 no lungs found" in told
    assert "1 .txt" in told
    of_hand = next(line for line in told.splitlines() if "hand.png" in line)
    assert of_hand.startswith("no lungs found")


def test_the_same_again_is_fine_and_another_mask_is_not_overwritten(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lungs", str(images / "one.png"), "--out", str(tmp_path / "masks")]
    assert main(words, {}) == 0
    assert main(words, {}) == 0
    mine = tmp_path / "masks" / "one.png"
    mine.write_bytes(b"mine")
    assert main(words, {}) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert mine.read_bytes() == b"mine"
    assert main([*words, "--overwrite"], {}) == 0
    assert mine.read_bytes() != b"mine"


def test_an_image_is_never_replaced_by_its_mask(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (images / "one.png").read_bytes()
    assert main(["lungs", str(images), "--out", str(images), "--overwrite"], {}) == 2
    assert "Masks would lie among the images" in capsys.readouterr().err
    assert (images / "one.png").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "told"),
    [("none.png", "No file or folder"), ("hand.png", "Lungs were found in none of 1 files")],
)
def test_nothing_to_do_ends_with_2_in_three_lines(
    name: str, told: str, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lungs", str(images / name), "--out", str(tmp_path / "masks")], {}) == 2
    message = capsys.readouterr().err
    assert told in message
    assert len(message.strip().splitlines()) == 3


def test_masks_and_overlays_need_two_folders(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = str(tmp_path / "both")
    assert main(["lungs", str(images), "--out", both, "--overlay", both], {}) == 2
    assert "--out and --overlay both name" in capsys.readouterr().err


def test_an_image_behind_a_link_below_the_masks_is_not_replaced(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "masks"
    out.mkdir()
    (out / "sub").symlink_to(images / "sub")
    before = (images / "sub" / "two.jpg").read_bytes()
    assert main(["lungs", str(images), "--out", str(out), "--overwrite"], {}) == 2
    assert "Masks would lie among the images" in capsys.readouterr().err
    assert (images / "sub" / "two.jpg").read_bytes() == before
    assert [path.name for path in (images / "sub").iterdir()] == ["two.jpg"]


@pytest.mark.parametrize("name", ["hand.png", "broken.png"])
def test_an_earlier_mask_of_an_image_that_has_none_now_goes_only_where_asked(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = tmp_path / "masks"
    out.mkdir()
    (out / name).write_bytes(b"earlier")
    words = ["lungs", str(images / name), str(images / "one.png"), "--out", str(out)]
    assert main(words, {}) == 2
    assert (out / name).read_bytes() == b"earlier"
    assert main([*words, "--overwrite"], {}) == 0
    assert not (out / name).exists()
    assert "1 earlier files taken away" in capsys.readouterr().out


def test_where_nothing_can_be_written_is_said(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["lungs", str(images / "one.png"), "--out", str(tmp_path / "file")], {}) == 2
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert "--out" in told
