"""Image files opened and loaded with Pillow: whole ones, or a reason why not."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from cxr_tasks.data.file_formats import PNG_START, UnusableImage, unsupported, what_it_is
from cxr_tasks.data.jpeg_layout import END, START, Scan, read_layout
from cxr_tasks.data.jpeg_scans import check_restarts, check_scans
from cxr_tasks.data.png_file import check_rows, picture_only

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
_SPARE_BYTES = 8
"""As many may follow the last row's data; some writers fill up."""

_LONG_RUN = 32
_FILL = 8 * b"\xff\0"
"""As many bits as libjpeg looks ahead; they are no code, and make a block or two at most."""


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
        check_rows(content)


def _picture_of(content: bytes) -> bytes:
    if content.startswith(START):
        read_layout(content)  # raises where the kind is not supported
    return picture_only(content) if content.startswith(PNG_START) else content


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
    if not pieces.left:  # it wanted more than the data, and was told that there is no more
        raise UnusableImage("truncated")


def _has_long_run(data: bytes) -> bool:
    """Return whether a byte is repeated as seldom in a picture, but always where one has a hole.

    By chance, what a hole decodes to may fill the place of what it replaced.
    """
    octets = np.frombuffer(data, np.uint8)
    changes = np.flatnonzero(octets[1:] != octets[:-1])
    return bool(np.diff(changes, prepend=-1, append=len(octets) - 1).max(initial=0) >= _LONG_RUN)
