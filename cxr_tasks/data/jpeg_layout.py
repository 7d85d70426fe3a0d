"""What a JPEG's markers say: its frame, its scans, and where the data of each begin and end.

ITU-T T.81, annex B. Only what stands before the first end marker counts: cameras append previews.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cxr_tasks.data.file_formats import UnusableImage, unsupported

START = b"\xff\xd8\xff"
END = b"\xff\xd9"

_PROGRESSIVE = 0xC2
_SUPPORTED = (0xC0, 0xC1, _PROGRESSIVE)
_UNSUPPORTED = {
    0xC3: "lossless JPEG",
    0xF7: "JPEG-LS",
    **dict.fromkeys((0xC9, 0xCA, 0xCB), "arithmetic-coded JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
}
"""By the marker of the frame."""
_TABLES, _SCAN, _INTERVAL, _END, _START, _TEMPORARY = 0xC4, 0xDA, 0xDD, 0xD9, 0xD8, 0x01

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""In the data of a scan; not a stuffed byte, a restart or a fill byte."""
RESTART = re.compile(rb"\xff+[\xd0-\xd7]")

N_COEFFICIENTS = 64
HuffmanTable = tuple[bytes, bytes]
"""How many codes of 1, 2, ... 16 bits there are, and what they mean, in order."""


@dataclass(frozen=True)
class Scan:
    """One pass over some channels, of some coefficients, which are numbered from 0 to 63."""

    tables: dict[int, tuple[HuffmanTable, HuffmanTable]]  # by channel: of number 0, of the others
    first: int
    last: int
    is_refinement: bool  # it adds a bit to the coefficients of an earlier scan
    low_bits: int  # so many of each coefficient are left for later scans
    interval: int  # so many units lie between restarts; 0 without restarts
    begin: int  # where its data begin in the file
    end: int


@dataclass
class JpegLayout:
    """What the markers of a file say; sizes are in pixels."""

    is_progressive: bool  # its coefficients come in several scans
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]  # by channel: how often it is sampled across and down
    scans: list[Scan] = field(default_factory=list)

    @property
    def has_one_pass(self) -> bool:
        """Whether rows come out of a decoder while it reads, in one unbroken stretch of data."""
        [scan, *others] = self.scans
        in_order = not self.is_progressive and not others and not scan.interval
        return in_order and len(scan.tables) == len(self.sampling)

    def n_units(self, scan: Scan) -> int:
        """Count the units of a scan: blocks of its only channel, or groups of blocks of several."""
        across = max(across for across, _ in self.sampling.values())
        down = max(down for _, down in self.sampling.values())
        if len(scan.tables) > 1:
            return -(-self.width // (8 * across)) * -(-self.height // (8 * down))
        [number] = scan.tables
        own_across, own_down = self.sampling[number]
        width, height = -(-self.width * own_across // across), -(-self.height * own_down // down)
        return -(-width // 8) * -(-height // 8)


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
        if marker in _SUPPORTED or marker in _UNSUPPORTED:
            if layout is not None:
                break  # a file has one; this is what damaged data look like
            layout = _frame(marker, body)
        elif marker == _TABLES:
            tables |= _huffman_tables(body)
        elif marker == _INTERVAL:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SCAN and layout is not None:
            found = _MARKER.search(content, end)
            stretch = end, found.start() if found else len(content)
            layout.scans.append(_scan(body, tables, interval, stretch, layout.is_progressive))
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
        if marker in (_START, _TEMPORARY):
            continue
        end = place + int.from_bytes(content[place : place + 2], "big")
        if end > len(content) or end < place + 2:
            return
        yield marker, place + 2, end
        place = end


def _frame(marker: int, body: bytes) -> JpegLayout:
    bits = body[0]
    if name := _UNSUPPORTED.get(marker, "" if bits == 8 else f"{bits}-bit JPEG"):
        raise UnusableImage(unsupported(name))
    height, width = (int.from_bytes(body[k : k + 2], "big") for k in (1, 3))
    channels = [body[k : k + 3] for k in range(6, 6 + 3 * body[5], 3)]
    sampling = {each[0]: (each[1] >> 4, each[1] & 15) for each in channels}
    return JpegLayout(marker == _PROGRESSIVE, width, height, sampling)


def _huffman_tables(body: bytes) -> dict[int, HuffmanTable]:
    """Read one segment's tables by their number; those of other coefficients count from 16."""
    tables = {}
    while len(body) > 16:
        end = 17 + sum(body[1:17])
        tables[body[0]] = body[1:17], body[17:end]
        body = body[end:]
    return tables


def _scan(
    body: bytes,
    tables: dict[int, HuffmanTable],
    interval: int,
    stretch: tuple[int, int],
    is_progressive: bool,
) -> Scan:
    none = bytes(16), b""
    n = body[0]
    chosen = {
        body[k]: (tables.get(body[k + 1] >> 4, none), tables.get(16 + (body[k + 1] & 15), none))
        for k in range(1, 1 + 2 * n, 2)
    }
    first, last, bits = body[1 + 2 * n : 4 + 2 * n]
    if not is_progressive:  # whatever its header says, it has everything
        first, last, bits = 0, N_COEFFICIENTS - 1, 0
    return Scan(chosen, first, last, bool(bits >> 4), bits & 15, interval, *stretch)


def check_restarts(content: bytes, layout: JpegLayout) -> None:
    """Check that the restarts, which are numbered from 0 to 7 again and again, are all in order.

    libjpeg passes over pieces that are missing, doubled or exchanged.

    Raises:
        UnusableImage: One is missing or out of order, or there are more than the picture needs.
    """
    for scan in layout.scans:
        numbers = [each[-1] & 7 for each in RESTART.findall(content, scan.begin, scan.end)]
        n_units = layout.n_units(scan)
        expected = [index % 8 for index in range(-(-n_units // (scan.interval or n_units)) - 1)]
        if numbers != expected:
            is_cut = numbers == expected[: len(numbers)]
            raise UnusableImage("truncated" if is_cut else "damaged")
