"""What a JPEG's markers say: its frame, its scans, and where the data of each begin and end.

ITU-T T.81, annex B. Only what stands before the first end marker counts: cameras append previews.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cxr_tasks.data.file_formats import UnusableImage, unsupported

START = b"\xff\xd8\xff"
END = b"\xff\xd9"

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS = 0xC0, 0xC1, 0xC2, 0xC3
_ARITHMETIC = (0xC9, 0xCA, 0xCB)
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_JPEG_LS = 0xF7
_FRAMES = (BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, *_ARITHMETIC, *_HIERARCHICAL, _JPEG_LS)
_TABLES, _SCAN, _INTERVAL, _END, _START = 0xC4, 0xDA, 0xDD, 0xD9, 0xD8

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""In the data of a scan; not a stuffed byte, a restart or a fill byte."""


@dataclass(frozen=True)
class Component:
    """A colour channel, and how often it is sampled across and down."""

    across: int
    down: int


@dataclass(frozen=True)
class Frame:
    """A picture's size in pixels, and its channels by their number."""

    kind: int
    width: int
    height: int
    components: dict[int, Component]


@dataclass(frozen=True)
class HuffmanTable:
    """How many codes of 1, 2, ... 16 bits there are, and what they mean, in order."""

    n_by_length: bytes
    symbols: bytes


@dataclass(frozen=True)
class Scan:
    """One pass over some channels.

    Attributes:
        tables: Of each channel by its number: that of the first coefficient, that of the others.
        first: Of the coefficients in it, 0 to 63.
        last: Likewise.
        is_refinement: Adds a bit to what an earlier scan told.
        low_bits: How many bits of each coefficient are left for later scans.
        interval: So many units lie between restarts; 0 without restarts.
        begin: Where its data begin in the file.
        end: Where they end.
    """

    tables: dict[int, tuple[HuffmanTable, HuffmanTable]]
    first: int
    last: int
    is_refinement: bool
    low_bits: int
    interval: int
    begin: int
    end: int


@dataclass
class JpegLayout:
    """Frame and scans of a file."""

    frame: Frame
    scans: list[Scan] = field(default_factory=list)

    @property
    def has_one_pass(self) -> bool:
        """Whether rows come out of a decoder while it reads, in one unbroken stretch of data."""
        [scan, *others] = self.scans
        in_order = self.frame.kind != PROGRESSIVE and not others and not scan.interval
        return in_order and len(scan.tables) == len(self.frame.components)


def read_layout(content: bytes) -> JpegLayout:
    """Read the markers of a JPEG.

    Raises:
        UnusableImage: It is of a kind that is not supported, or holds no picture data.
    """
    tables: dict[int, HuffmanTable] = {}
    interval = 0
    layout: JpegLayout | None = None
    for marker, begin, end in _segments(content):
        body = content[begin:end]
        if marker in _FRAMES and layout is not None:
            break  # a file has one; this is what damaged data look like
        if marker in _FRAMES:
            layout = JpegLayout(_frame(marker, body))
        elif marker == _TABLES:
            tables |= _huffman_tables(body)
        elif marker == _INTERVAL:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SCAN and layout is not None:
            scan = _scan(content, body, end, tables, interval)
            layout.scans.append(scan if layout.frame.kind == PROGRESSIVE else _of_all(scan))
    if layout is None or not layout.scans:
        raise UnusableImage("truncated")
    return layout


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each marker with where its body begins and ends, the data of scans left out."""
    place = 2
    while found := _MARKER.search(content, place):
        marker, place = found[1][0], found.end()
        if marker == _END:
            return
        if marker in (_START, 0x01):
            continue
        end = place + int.from_bytes(content[place : place + 2], "big")
        if end > len(content) or end < place + 2:
            return
        yield marker, place + 2, end
        place = end


def _frame(marker: int, body: bytes) -> Frame:
    bits = body[0]
    name = ""
    if marker == _JPEG_LS:
        name = "JPEG-LS"
    elif marker in _ARITHMETIC:
        name = "arithmetic-coded JPEG"
    elif marker in _HIERARCHICAL:
        name = "hierarchical JPEG"
    elif marker == LOSSLESS:
        name = "lossless JPEG"
    elif bits != 8:
        name = f"{bits}-bit JPEG"
    if name:
        raise UnusableImage(unsupported(name))
    height, width = (int.from_bytes(body[k : k + 2], "big") for k in (1, 3))
    described = [body[k : k + 3] for k in range(6, 6 + 3 * body[5], 3)]
    components = {each[0]: Component(each[1] >> 4, each[1] & 15) for each in described}
    return Frame(marker, width, height, components)


def _huffman_tables(body: bytes) -> dict[int, HuffmanTable]:
    """Read one segment's tables by their number; those of other coefficients count from 16."""
    tables = {}
    while len(body) > 16:
        n_symbols = sum(body[1:17])
        tables[body[0]] = HuffmanTable(body[1:17], body[17 : 17 + n_symbols])
        body = body[17 + n_symbols :]
    return tables


def _of_all(scan: Scan) -> Scan:
    """Return a scan that is not progressive: whatever its header says, it has everything."""
    return replace(scan, first=0, last=63, is_refinement=False, low_bits=0)


def _scan(
    content: bytes, body: bytes, begin: int, tables: dict[int, HuffmanTable], interval: int
) -> Scan:
    none = HuffmanTable(bytes(16), b"")
    n = body[0]
    chosen = {
        body[k]: (tables.get(body[k + 1] >> 4, none), tables.get(16 + (body[k + 1] & 15), none))
        for k in range(1, 1 + 2 * n, 2)
    }
    first, last, bits = body[1 + 2 * n : 4 + 2 * n]
    found = _MARKER.search(content, begin)
    end = found.start() if found else len(content)
    return Scan(chosen, first, last, bool(bits >> 4), bits & 15, interval, begin, end)
