"""Files that cannot be used: what one is that Pillow cannot read, and how that is raised."""

import io
import re
from typing import Literal

from PIL.TiffImagePlugin import TiffImageFile

PNG_START = b"\x89PNG\r\n\x1a\n"
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"BM")
_OTHER_STARTS = {
    b"GIF8": "GIF",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
}
_BRANDS = dict.fromkeys((b"avif", b"avis"), "AVIF") | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
)
"""Of the container that ISO 14496-12 defines; the name stands in bytes 8 to 11."""

_DICOM_PREAMBLE = slice(128, 132)
_DICOM_ELEMENT = re.compile(
    # group 2 or 8, little endian or big, with its type in letters or with a short length
    rb"(?:[\x02\x08]\0.\0|\0[\x02\x08]\0.)(?:(?:UL|OB|UI|CS|SH|LO|DA|TM|DT|PN|ST|US|SQ)|.\0\0\0)",
    re.DOTALL,
)
DICOM = "DICOM is not read yet: export as PNG"


class UnusableImage(Exception):  # noqa: N818 - what it is about; a stage counts it and goes on
    """An image cannot be used.

    Attributes:
        reason: A short English phrase, the same for every file with this fault.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unsupported(name: str) -> str:
    """Return the reason for a file that is whole, as far as is known, but of no use here."""
    return f"this format is not supported ({name}): export as PNG"


def what_it_is(content: bytes) -> str:
    """Return the reason why a file could not be opened as one of the supported formats."""
    if content[_DICOM_PREAMBLE] == b"DICM" or _DICOM_ELEMENT.match(content):
        return DICOM
    if content.startswith(_TIFF_STARTS):
        return _tiff_fault(content)
    if content.startswith(_STARTS):
        return "damaged"
    name = _name_of(content)
    return unsupported(name) if name else "not an image"


def _name_of(content: bytes) -> str:
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "")
    return next((name for start, name in _OTHER_STARTS.items() if content.startswith(start)), "")


def _tiff_fault(content: bytes) -> str:
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"
    place = content[8:16] if b"+" in content[:4] else content[4:8]
    if int.from_bytes(place, order) >= len(content):
        return "truncated"  # the tags stand behind the pixels
    try:
        TiffImageFile(io.BytesIO(content))
    except SyntaxError as err:
        # Pillow's words for a layout that it does not know, and its cause for a compression
        if "unknown" in str(err) or isinstance(err.__cause__, KeyError):
            return unsupported("TIFF of this kind")
    except Exception:  # noqa: S110 - a damaged file makes it raise almost anything
        pass
    return "damaged"
