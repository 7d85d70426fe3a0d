"""Whether all of a picture is in its file: JPEG and PNG, cut, with holes, or merely odd."""

import re
import zlib

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import decode_image
from tests.image_files import encode, made_png, with_chunks


def drawing() -> Image.Image:
    """A grey picture with detail everywhere, a flat black upper part, and a flat lower edge."""
    rng = np.random.default_rng(0)
    grey = np.linspace(40, 200, 320)[None, :] + rng.normal(0, 12, (280, 320))
    grey[:60], grey[-20:] = 0, 128
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


KINDS = {
    "baseline": encode(drawing(), "JPEG", quality=85),
    "optimised": encode(drawing(), "JPEG", quality=95, optimize=True),
    "colour": encode(drawing().convert("RGB"), "JPEG", quality=85),
    "progressive": encode(drawing(), "JPEG", quality=85, progressive=True),
    "progressive in colour": encode(drawing().convert("RGB"), "JPEG", progressive=True),
    "restarts": encode(drawing(), "JPEG", quality=85, restart_marker_rows=1),
    "many restarts": encode(drawing().convert("RGB"), "JPEG", restart_marker_blocks=3),
    "progressive with restarts": encode(drawing(), "JPEG", progressive=True, restart_marker_rows=2),
}
END = b"\xff\xd9"
each_kind = pytest.mark.parametrize("content", KINDS.values(), ids=KINDS.keys())


def reason_of(content: bytes) -> str:
    with pytest.raises(UnusableImage) as caught:
        decode_image(content)
    return caught.value.reason


@each_kind
def test_whole_jpeg_is_taken_whatever_follows_or_ends_it(content: bytes) -> None:
    pixels = decode_image(content).pixels
    for odd in (
        content[:-2],
        content[:-1],
        content + bytes(5000),
        content + b"junk",
        content + content,
        content[:-2] + b"\xff\xff" + END,
    ):
        assert (decode_image(odd).pixels == pixels).all()


@each_kind
@pytest.mark.parametrize("kept_fraction", [0.3, 0.5, 0.7, 0.9, 0.98])
@pytest.mark.parametrize("ending", [b"", END, bytes(3000) + END], ids=["cut", "closed", "zeros"])
def test_jpeg_that_lacks_its_rest_is_refused(
    content: bytes, kept_fraction: float, ending: bytes
) -> None:
    assert reason_of(content[: int(len(content) * kept_fraction)] + ending) in (
        "truncated",
        "damaged",
    )


@each_kind
@pytest.mark.parametrize("filling", [b"\0", b"\x80", b"\x55"], ids=["zeros", "grey", "pattern"])
def test_jpeg_with_a_hole_is_refused(content: bytes, filling: bytes) -> None:
    begin = len(content) // 3
    hole = len(content) // 6
    holed = content[:begin] + filling * hole + content[begin + hole :]
    assert reason_of(holed) in ("truncated", "damaged")
    assert reason_of(content[:begin] + content[begin + hole :]) in ("truncated", "damaged")


@pytest.mark.parametrize("kind", ["restarts", "many restarts", "progressive with restarts"])
def test_pieces_between_restarts_are_neither_repeated_exchanged_nor_lost(kind: str) -> None:
    content = KINDS[kind]
    ends = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", content)]
    a, b, c, d = ends[4:8]
    assert content[a:b] != content[b:c]
    for changed in (
        content[:a] + 2 * content[a:b] + content[c:],
        content[:a] + content[b:c] + content[a:b] + content[c:],
        content[:b] + content[c:],
        content[:b] + content[a:b] + content[b:],
        content[:a] + content[c:d] + content[b:],
    ):
        assert reason_of(changed) == "damaged"


def test_progressive_jpeg_needs_all_its_scans() -> None:
    content = KINDS["progressive"]
    last = content.rindex(b"\xff\xda")
    assert reason_of(content[:last] + END) == "truncated"


def test_data_that_are_left_over_are_damage() -> None:
    content = KINDS["baseline"]
    assert reason_of(content[:-2] + content[-500:]) == "damaged"


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_of_fewer_rows_than_it_says_is_refused(*, interlaced: bool) -> None:
    grey = np.asarray(drawing())
    raw = b"".join(b"\0" + line.tobytes() for line in grey)
    if not interlaced:
        decode_image(made_png(320, 280, bits=8, colour=0, raw=raw))
    half = raw[: len(raw) // 2]
    closed = made_png(320, 280, bits=8, colour=0, raw=half)
    if interlaced:
        header = closed[16:28] + b"\x01"
        crc = zlib.crc32(b"IHDR" + header).to_bytes(4, "big")
        closed = closed[:16] + header + crc + closed[33:]
    assert reason_of(closed) in ("truncated", "damaged")


def test_png_without_its_end_or_with_more_behind_is_taken() -> None:
    content = encode(drawing())
    pixels = decode_image(content).pixels
    for odd in (content[:-12], content[:-12] + b"junk" * 9, content + b"junk" * 99):
        assert (decode_image(odd).pixels == pixels).all()
    assert reason_of(content[: len(content) * 2 // 3]) == "truncated"


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        (b"zTXt", b"XML:com.adobe.xmp\0\0"),
        (b"iCCP", b"profile\0\0"),
        (b"iTXt", b"note\0\1\0\0\0"),
        (b"tEXt", b"note\0"),
    ],
)
def test_large_texts_and_profiles_of_a_png_are_passed_over(kind: bytes, start: bytes) -> None:
    long = b"radiograph " * 300_000
    packed = long if kind == b"tEXt" else zlib.compress(long)
    content = encode(drawing())
    heavy = with_chunks(content, (kind, start + packed))
    assert (decode_image(heavy).pixels == decode_image(content).pixels).all()
