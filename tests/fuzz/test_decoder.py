"""Whatever the bytes: an image, or `UnusableImage` with a reason."""

import io
import struct
import time
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from cxr_tasks.data.decoding import Accepted, Rejected, decode_candidate
from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import MAX_SCANS, decode_image
from cxr_tasks.data.mask_decoding import decode_mask
from cxr_tasks.data.plausible import BLANK
from cxr_tasks.data.sources.candidates import Candidate
from tests.fuzz.cases import damaged, fuzzed, texts
from tests.image_files import encode, picture


def with_exif(file_format: str) -> bytes:
    exif = Image.Exif()
    exif[274], exif[270] = 6, "a description"
    return encode(picture(), file_format, exif=exif)


DEEP = Image.fromarray(np.asarray(picture().convert("L")).astype(np.uint16) * 16)
BY_FORMAT = {
    "jpeg": [
        encode(picture(), "JPEG"),
        encode(picture(), "JPEG", progressive=True),
        encode(picture().convert("CMYK"), "JPEG"),
        with_exif("JPEG"),
        encode(picture(), "JPEG", restart_marker_blocks=2),
    ],
    "png": [
        encode(picture()),
        encode(picture().quantize(16)),
        encode(picture().convert("LA")),
        encode(DEEP),
        with_exif("PNG"),
        encode(picture(), save_all=True, append_images=[picture()]),
    ],
    "tiff": [
        encode(picture(), "TIFF"),
        encode(DEEP, "TIFF"),
        with_exif("TIFF"),
        *(
            encode(picture(), "TIFF", compression=name)
            for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")
        ),
    ],
    "bmp": [encode(picture(), "BMP"), encode(picture().quantize(16), "BMP")],
}


def check(content: bytes) -> None:
    with suppress(UnusableImage):
        decoded = decode_image(content)
        assert decoded.pixels.shape == (224, 224, 3)
        assert decoded.pixels.dtype == np.uint8
        assert len(decoded.phash) == 16


@pytest.mark.parametrize("file_format", list(BY_FORMAT))
def test_what_is_mutated_is_whole(file_format: str) -> None:
    for content in BY_FORMAT[file_format][:5]:
        decode_image(content)


@fuzzed(content=damaged(*BY_FORMAT["jpeg"]))
def test_jpeg(content: bytes) -> None:
    check(content)


@fuzzed(content=damaged(*BY_FORMAT["png"]))
def test_png(content: bytes) -> None:
    check(content)


@fuzzed(content=damaged(*BY_FORMAT["tiff"]))
def test_tiff(content: bytes) -> None:
    check(content)


@fuzzed(content=damaged(*BY_FORMAT["bmp"]))
def test_bmp(content: bytes) -> None:
    check(content)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


@fuzzed(
    size=st.tuples(st.integers(0, 2**31), st.integers(0, 2**31)) | st.just((40, 40)),
    depth=st.sampled_from([1, 2, 8, 16, 255]),
    colour=st.integers(0, 7),
    kinds=st.lists(
        st.sampled_from([b"zTXt", b"iCCP", b"PLTE", b"tRNS", b"acTL", b"eXIf", b"IDAT"])
    ),
    data=st.binary(max_size=100),
)
def test_png_made_of_chunks_with_right_checksums(
    size: tuple[int, int], depth: int, colour: int, kinds: list[bytes], data: bytes
) -> None:
    head = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    body = zlib.compress(data * 1000)
    chunks = b"".join(chunk(kind, data if k % 2 else body) for k, kind in enumerate(kinds))
    check(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks + chunk(b"IEND", b""))


def lungs(mode: str = "L") -> Image.Image:
    levels = np.zeros((40, 60), np.uint8)
    levels[10:30, 10:50] = 255
    return Image.fromarray(levels).convert(mode)


MASKS = (
    encode(lungs()),
    encode(lungs("RGB"), "JPEG"),
    encode(lungs("1"), "TIFF"),
    encode(lungs("F"), "TIFF"),
    encode(lungs("P"), "BMP"),
    encode(lungs("LA")),
)


@fuzzed(content=damaged(*MASKS), width=st.integers(58, 62))
def test_mask(content: bytes, width: int) -> None:
    with suppress(UnusableImage):
        mask = decode_mask(content, width=width, height=40)
        assert mask.shape == (224, 224)
        assert mask.dtype == np.bool_
        assert 0 < mask.mean() <= 0.95


def test_masks_that_are_mutated_are_whole() -> None:
    for content in MASKS:
        assert decode_mask(content, width=60, height=40).mean() > 0.3


class OneFile:
    """Gives the same bytes for every candidate."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, candidate: Candidate) -> bytes:  # noqa: ARG002 - as a reader is asked
        return self.content


@fuzzed(path=texts, content=damaged(*BY_FORMAT["png"]))
def test_candidate_of_any_name_is_accepted_or_rejected(path: str, content: bytes) -> None:
    outcome = decode_candidate(OneFile(content), Candidate(path, 1, ""))
    assert isinstance(outcome, Accepted | Rejected)
    if isinstance(outcome, Accepted):
        outcome.candidate.path.encode()


def bomb(kind: bytes, start: bytes) -> bytes:
    """A small PNG with a chunk that unpacks to 100 MB."""
    packed = start + zlib.compress(bytes(100 << 20), 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(41 * 40)))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(kind, packed) + pixels + chunk(b"IEND", b"")


def frames(n_frames: int) -> bytes:
    """A TIFF of many images that all have the same pixels."""
    tags = [
        (256, 40),
        (257, 40),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, 40),
        (279, 1600),
    ]
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags)
    size = 2 + len(entries) + 4
    content = io.BytesIO()
    content.write(b"II*\0" + struct.pack("<L", 1608) + bytes(1600))
    for number in range(1, n_frames + 1):
        following = 1608 + number * size if number < n_frames else 0
        content.write(struct.pack("<H", len(tags)) + entries + struct.pack("<L", following))
    return content.getvalue()


def scans(n_scans: int) -> bytes:
    """A progressive JPEG that goes over its pixels again and again."""
    whole = encode(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * n_scans + whole[-2:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: bomb(b"zTXt", b"a\0\0"), BLANK),
        (lambda: bomb(b"iCCP", b"a\0\0"), BLANK),
        (lambda: frames(100_000), "several images in one file"),
        (lambda: scans(100_000), f"more than {MAX_SCANS} scans"),
    ],
    ids=["text", "profile", "frames", "scans"],
)
def test_bomb_is_refused_at_once(content: object, reason: str) -> None:
    packed = content()  # type: ignore[operator]  # made here, not at import
    started = time.process_time()
    with pytest.raises(UnusableImage, match=reason):
        decode_image(packed)
    assert time.process_time() - started < 1
