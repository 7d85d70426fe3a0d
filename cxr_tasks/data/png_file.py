"""The parts of a PNG that make its picture, and whether all of its rows are there."""

import struct
import zlib
from collections.abc import Iterator

from cxr_tasks.data.file_formats import PNG_START, UnusableImage

_LEFT_OUT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Never unpacked: Pillow calls a PNG damaged that has more than 1 MB of them."""

_HEADER_BYTES = 33
_END = b"\0\0\0\0IEND\xaeB`\x82"
_N_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By the header's colour type."""

_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column and row, and steps, of an interlaced picture's passes."""


def picture_only(content: bytes) -> bytes:
    """Return a PNG without texts, colour profile, and whatever follows its end.

    Raises:
        UnusableImage: It ends in its header.
    """
    if len(content) < _HEADER_BYTES:
        raise UnusableImage("truncated")
    kept = [chunk for kind, chunk in _chunks(content) if kind not in _LEFT_OUT]
    return PNG_START + b"".join(kept) + _END


def check_rows(content: bytes) -> None:
    """Unpack the picture's data and count them.

    To be asked only for a picture of bearable size; no more is unpacked than it needs.

    Raises:
        UnusableImage: Rows are missing.
    """
    width, height, bits, colour, *_, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    line_bits = bits * _N_SAMPLES[colour]
    n_bytes = sum(
        n_rows * (1 + -(-n_columns * line_bits // 8))
        for n_columns, n_rows in _passes(width, height, interlaced=bool(interlaced))
        if n_columns
    )
    packed = b"".join(chunk[8:-4] for kind, chunk in _chunks(content) if kind == b"IDAT")
    if len(zlib.decompressobj().decompress(packed, n_bytes)) < n_bytes:
        raise UnusableImage("truncated")


def _passes(width: int, height: int, *, interlaced: bool) -> list[tuple[int, int]]:
    if not interlaced:
        return [(width, height)]
    return [
        (-(-max(0, width - x) // across), -(-max(0, height - y) // down))
        for x, y, across, down in _PASSES
    ]


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and bytes of every chunk before the end; of those cut off, only pixels."""
    place = len(PNG_START)
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IEND" or (place + size + 12 > len(content) and kind != b"IDAT"):
            return
        yield kind, content[place : place + size + 12]
        place += size + 12
