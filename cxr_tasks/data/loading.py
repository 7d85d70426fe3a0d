"""Image files opened and loaded with Pillow: whole ones, or a reason why not."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from cxr_tasks.data.file_formats import PNG_START, UnusableImage, unsupported, what_it_is
from cxr_tasks.data.jpeg_layout import END, START, Scan, check_restarts, read_layout
from cxr_tasks.data.jpeg_scans import check_scans

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
_SPARE_BYTES = 8
"""As many may follow the last row's data; some writers fill up."""

_LONG_RUN = 32
_FILL = 8 * b"\xff\0"
"""As many bits as libjpeg looks ahead; they are no code, and make a block or two at most."""

_PNG_LEFT_OUT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Never unpacked: Pillow calls a PNG damaged that has more than 1 MB of them."""

_PNG_HEADER_BYTES = 33
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By the header's colour type."""

_PNG_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column and row, and steps, of an interlaced picture's passes."""


@contextmanager
def opened(content: bytes) -> Iterator[ImageFile]:
    """Open an image of one of `FORMATS`, and turn whatever Pillow raises about it into a reason.

    Raises:
        UnusableImage: It cannot be opened, or what is done with it fails.
        DecompressionBombError: It says that it is far too large.
    """
    try:
        with warnings.catch_warnings():
            # about metadata that Pillow cannot read; the pixels are checked here
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(_picture_of(content)), formats=FORMATS) as image:
                yield image
    except (UnusableImage, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as err:  # a damaged file makes Pillow's readers raise almost anything
        raise UnusableImage(_in_words(err, content)) from err


def load_whole(image: ImageFile, content: bytes) -> None:
    """Decode an opened image, and make sure that its file has data for all of it.

    Uncompressed rows of zeros, as an unfinished download leaves them, are as a black border is.

    Raises:
        UnusableImage: A part is missing, or filled with what is not the picture's.
    """
    if content.startswith(START):
        _load_jpeg(image, content)
        return
    image.load()
    if content.startswith(PNG_START):
        _check_rows(content)


def _picture_of(content: bytes) -> bytes:
    if content.startswith(START):
        read_layout(content)  # raises where the kind is not supported
    return _picture_only(content) if content.startswith(PNG_START) else content


def _in_words(err: Exception, content: bytes) -> str:
    if isinstance(err, UnidentifiedImageError):
        return what_it_is(content)
    if content.startswith(b"BM") and "unsupported" in str(err).lower():
        return unsupported("BMP of this kind")
    cut = isinstance(err, EOFError) or "truncat" in str(err).lower()
    return "truncated" if cut else "damaged"


def _load_jpeg(image: ImageFile, content: bytes) -> None:
    layout = read_layout(content)
    check_restarts(content, layout)
    [*_, last] = layout.scans
    if layout.has_one_pass:
        _load_one_pass(image, content, last)
        if _has_long_run(content[last.begin : last.end]):
            check_scans(content, layout)
        return
    check_scans(content, layout)
    image.fp = io.BytesIO(content[: last.end] + END)
    image.load()


class _Pieces(io.BytesIO):
    """A file that is read piece by piece, so that it shows when a decoder had enough."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.left = list(pieces)

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - as a file is asked
        return self.left.pop(0) if self.left else b""


def _load_one_pass(image: ImageFile, content: bytes, scan: Scan) -> None:
    """Decode a JPEG whose rows come out while it is read: no row is ready before its data are.

    This costs nothing, where following the codes costs several times the decoding.
    """
    nearly = max(scan.begin, scan.end - _SPARE_BYTES)
    image.fp = pieces = _Pieces(content[:nearly], content[nearly : scan.end] + _FILL, END)
    image.load()
    if len(pieces.left) == 2:
        raise UnusableImage("damaged")
    if not pieces.left:  # it wanted more than the data, and there is no more
        raise UnusableImage("truncated")


def _has_long_run(data: bytes) -> bool:
    """Return whether a byte is repeated as seldom in a picture, but always where one has a hole.

    By chance, what a hole decodes to may fill the place of what it replaced.
    """
    octets = np.frombuffer(data, np.uint8)
    changes = np.flatnonzero(octets[1:] != octets[:-1])
    return bool(np.diff(changes, prepend=-1, append=len(octets) - 1).max(initial=0) >= _LONG_RUN)


def _picture_only(content: bytes) -> bytes:
    """Return a PNG without texts, colour profile, and whatever follows its end.

    Raises:
        UnusableImage: It ends in its header.
    """
    if len(content) < _PNG_HEADER_BYTES:
        raise UnusableImage("truncated")
    kept = [chunk for kind, chunk in _png_chunks(content) if kind not in _PNG_LEFT_OUT]
    return PNG_START + b"".join(kept) + _PNG_END


def _check_rows(content: bytes) -> None:
    """Unpack the picture's data and count them.

    To be asked only for a picture of bearable size; no more is unpacked than it needs.

    Raises:
        UnusableImage: Rows are missing.
    """
    width, height, bits, colour, *_, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    line_bits = bits * _PNG_SAMPLES[colour]
    n_bytes = sum(
        n_rows * (1 + -(-n_columns * line_bits // 8))
        for n_columns, n_rows in _png_passes(width, height, interlaced=bool(interlaced))
        if n_columns
    )
    packed = b"".join(chunk[8:-4] for kind, chunk in _png_chunks(content) if kind == b"IDAT")
    if len(zlib.decompressobj().decompress(packed, n_bytes)) < n_bytes:
        raise UnusableImage("truncated")


def _png_passes(width: int, height: int, *, interlaced: bool) -> list[tuple[int, int]]:
    if not interlaced:
        return [(width, height)]
    return [
        (-(-max(0, width - x) // across), -(-max(0, height - y) // down))
        for x, y, across, down in _PNG_PASSES
    ]


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and bytes of every chunk before the end; of those cut off, only pixels."""
    place = len(PNG_START)
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IEND" or (place + size + 12 > len(content) and kind != b"IDAT"):
            return
        yield kind, content[place : place + size + 12]
        place += size + 12
