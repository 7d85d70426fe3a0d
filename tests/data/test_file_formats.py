"""What a person reads about a file that is whole, but of a format that is not read."""

import struct

import numpy as np
import pytest
from PIL import Image

from cxr_tasks.data.file_formats import DICOM, UnusableImage
from cxr_tasks.data.images import decode_image
from tests.image_files import encode, picture

JPEG = encode(picture(), "JPEG")
UID = b"1.2.840.10008.1.2.1\0"


def frame(kind: int, bits: int = 8) -> bytes:
    """The JPEG with another marker and precision at its frame."""
    begin = JPEG.index(b"\xff\xc0")
    return (
        JPEG[: begin + 1]
        + bytes([kind])
        + JPEG[begin + 2 : begin + 4]
        + bytes([bits])
        + (JPEG[begin + 5 :])
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (frame(0xC1, 12), "12-bit JPEG"),
        (frame(0xC3), "lossless JPEG"),
        (frame(0xC3, 16), "lossless JPEG"),
        (frame(0xC5), "hierarchical JPEG"),
        (frame(0xC9), "arithmetic-coded JPEG"),
        (frame(0xF7), "JPEG-LS"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(90), "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f" + bytes(90), "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(90), "JPEG XL"),
        (b"\xff\x0a" + bytes(90), "JPEG XL"),
        (b"\0\0\0\x18ftypheic" + bytes(90), "HEIC"),
        (b"\0\0\0\x18ftypmif1" + bytes(90), "HEIC"),
        (encode(picture(), "AVIF"), "AVIF"),
        (encode(picture(), "WEBP"), "WebP"),
        (encode(picture(), "GIF"), "GIF"),
    ],
)
def test_format_is_named(content: bytes, name: str) -> None:
    assert reason_of(content) == f"this format is not supported ({name}): export as PNG"


@pytest.mark.parametrize(
    "content",
    [
        bytes(128) + b"DICM" + bytes(50),
        b"\x02\0\0\0UL\x04\0\xc2\0\0\0",
        b"\x02\0\x10\0UI" + struct.pack("<H", len(UID)) + UID,
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100",
        b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100",
        b"\x08\0\0\0\x04\0\0\0\xb6\1\0\0",
        b"\0\x08\0\x05CS\0\x0aISO_IR 100",
    ],
    ids=["preamble", "meta", "uid", "explicit", "implicit", "group length", "big endian"],
)
def test_dicom_is_named_with_and_without_its_preamble(content: bytes) -> None:
    assert reason_of(content + bytes(200)) == DICOM


def tiff(*, order: str, tags: dict[int, int], data: bytes) -> bytes:
    """A TIFF with one strip of 40 x 40."""
    fixed = {256: 40, 257: 40, 259: 1, 273: 8, 277: 1, 278: 40, 279: len(data)}
    entries = b"".join(
        struct.pack(f"{order}HHLL", tag, 4, 1, value)
        for tag, value in sorted((fixed | tags).items())
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    end = struct.pack(f"{order}H", len(fixed | tags)) + entries + bytes(4)
    return start + struct.pack(f"{order}L", 8 + len(data)) + data + end


@pytest.mark.parametrize("tags", [{258: 16, 262: 0}, {258: 13, 262: 1}, {258: 16, 262: 1, 259: 9}])
def test_tiff_of_a_kind_that_pillow_does_not_know_is_no_damage(tags: dict[int, int]) -> None:
    grey = np.asarray(picture(width=40, height=40).convert("L")).astype(">u2") * 257
    content = tiff(order=">", tags=tags, data=grey.tobytes())
    assert "not supported (TIFF of this kind)" in reason_of(content)


def test_tiff_whose_tags_are_cut_off_is_truncated() -> None:
    content = tiff(order="<", tags={258: 8, 262: 1}, data=bytes(1600))
    assert reason_of(content[:900]) == "truncated"


def reason_of(content: bytes) -> str:
    with pytest.raises(UnusableImage) as caught:
        decode_image(content)
    return caught.value.reason


def test_pages_are_refused_and_a_plain_picture_is_not() -> None:
    page = Image.fromarray(np.asarray(picture()))
    assert decode_image(encode(page, "TIFF")).format == "TIFF"
    pages = encode(page, "TIFF", save_all=True, append_images=[page])
    assert reason_of(pages) == "several images in one file"
