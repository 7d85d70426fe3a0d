"""Whether a JPEG's data tell about every part of its picture, no more and no less.

libjpeg fills what is missing with grey and skips what is left over, and Pillow does not pass its
warnings on. So the codes of the data are followed here, without building a picture of them: whole
data end where the last unit ends. ITU-T T.81, annexes F and G.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.jpeg_layout import PROGRESSIVE, Frame, HuffmanTable, JpegLayout, Scan

_SPARE_BITS = 16
"""Fewer may follow the last unit: the rest of its byte, and one byte more."""

_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_N_COEFFICIENTS = 64
_END_OF_BLOCK = 128
"""As a number of coefficients, so that it differs from running out of the block."""

_BAD_CODE = 1 << 50
"""As a step, it leads far behind the end of any data."""

_FURTHEST_BYTES = 1024
"""Further than one unit's codes can reach behind the end of the data."""

Steps = list[int]
"""By the next 16 bits: what the code at their beginning means."""


class _TooShort(Exception):  # noqa: N818 - the data end before the last unit
    pass


class _Overrun(Exception):  # noqa: N818 - a code leads out of its block, or past the last one
    pass


class _Bits:
    """A stretch of data, as the 24 bits that begin at each of its bytes."""

    def __init__(self, data: bytes) -> None:
        self.n_bits = 8 * len(data)
        octets = np.frombuffer(data + b"\xff" * _FURTHEST_BYTES, np.uint8).astype(np.int32)
        self.windows: list[int] = (octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]).tolist()


Walk = Callable[[_Bits, int, int], int]
"""Follows the codes of units number so to number so; returns the bit behind the last."""


def check_scans(content: bytes, layout: JpegLayout) -> None:
    """Follow the codes of all scans, whose restarts are in order.

    Raises:
        UnusableImage: Data are missing, or more are there than the picture has room for.
    """
    frame = layout.frame
    missing_bits = {number: [16] * _N_COEFFICIENTS for number in frame.components}
    known: dict[int, list[int]] = {number: [] for number in frame.components}
    for scan in layout.scans:
        _check_scan(content, frame, scan, known)
        for number in scan.tables:
            for index in range(scan.first, scan.last + 1):
                missing_bits[number][index] = scan.low_bits
    if any(any(bits) for bits in missing_bits.values()):
        raise UnusableImage("truncated")


def check_restarts(content: bytes, layout: JpegLayout) -> None:
    """Check that the restarts, which are numbered from 0 to 7 again and again, are all in order.

    libjpeg passes over pieces that are missing, doubled or exchanged.

    Raises:
        UnusableImage: One is missing or out of order, or there are more than the picture needs.
    """
    for scan in layout.scans:
        numbers = [each[-1] & 7 for each in _RESTART.findall(content, scan.begin, scan.end)]
        n_units = _n_units(layout.frame, scan)
        expected = [index % 8 for index in range(-(-n_units // (scan.interval or n_units)) - 1)]
        if numbers != expected:
            is_cut = numbers == expected[: len(numbers)]
            raise UnusableImage("truncated" if is_cut else "damaged")


def _check_scan(content: bytes, frame: Frame, scan: Scan, known: dict[int, list[int]]) -> None:
    n_units = _n_units(frame, scan)
    step = scan.interval or n_units
    data = content[scan.begin : scan.end]
    pieces = _RESTART.split(data)
    walk = _walk_of(frame, scan, known, n_units)
    for first, piece in zip(range(0, n_units, step), pieces, strict=True):
        bits = _Bits(piece.replace(b"\xff\0", b"\xff"))
        try:
            end = walk(bits, first, min(first + step, n_units))
        except (_TooShort, IndexError) as err:
            raise UnusableImage("truncated") from err
        except _Overrun as err:
            raise UnusableImage("damaged") from err
        if bits.n_bits - end >= _SPARE_BITS:
            raise UnusableImage("damaged")


def _n_units(frame: Frame, scan: Scan) -> int:
    """Count the units of a scan: blocks of its only channel, or groups of blocks of several."""
    across = max(each.across for each in frame.components.values())
    down = max(each.down for each in frame.components.values())
    if len(scan.tables) > 1:
        return -(-frame.width // (8 * across)) * -(-frame.height // (8 * down))
    [number] = scan.tables
    own = frame.components[number]
    width, height = -(-frame.width * own.across // across), -(-frame.height * own.down // down)
    return -(-width // 8) * -(-height // 8)


def _walk_of(frame: Frame, scan: Scan, known: dict[int, list[int]], n_units: int) -> Walk:
    """Choose how a scan's codes are followed.

    Args:
        frame: Of the picture.
        scan: The pass.
        known: By channel and block, which coefficients are not zero so far, as bits; later passes
            spend a bit on each of these.
        n_units: Of the scan.
    """
    if frame.kind != PROGRESSIVE:
        tables = [(_level_steps(t[0]), _run_steps(t[1])) for t in _tables_by_block(frame, scan)]
        return _walk_blocks(tables)
    if scan.first == 0:
        levels = [_level_steps(t[0]) for t in _tables_by_block(frame, scan)]
        return _walk_level_bits(len(levels)) if scan.is_refinement else _walk_levels(levels)
    [(number, (_, table))] = scan.tables.items()
    if len(known[number]) != n_units:
        known[number] = [0] * n_units
    walk = _walk_refinement if scan.is_refinement else _walk_runs
    return walk(_symbol_steps(table), known[number], scan.first, scan.last)


def _tables_by_block(frame: Frame, scan: Scan) -> list[tuple[HuffmanTable, HuffmanTable]]:
    if len(scan.tables) == 1:
        return list(scan.tables.values())
    return [
        tables
        for number, tables in scan.tables.items()
        for _ in range(frame.components[number].across * frame.components[number].down)
    ]


@lru_cache(maxsize=16)
def _level_steps(table: HuffmanTable) -> Steps:
    """Of a first coefficient: how many bits it takes."""
    return _by_code(table, lambda symbol, n_bits: n_bits + symbol)


@lru_cache(maxsize=16)
def _run_steps(table: HuffmanTable) -> Steps:
    """Of the other coefficients: how many bits are taken, by 256, and coefficients passed."""

    def step(symbol: int, n_bits: int) -> int:
        run, size = symbol >> 4, symbol & 15
        ends = not size and run < 15
        return (n_bits + size) << 8 | (_END_OF_BLOCK if ends else run + 1)

    return _by_code(table, step)


@lru_cache(maxsize=16)
def _symbol_steps(table: HuffmanTable) -> Steps:
    """Of the other coefficients: the code's bits, by 256, and its symbol."""
    return _by_code(table, lambda symbol, n_bits: n_bits << 8 | symbol)


def _by_code(table: HuffmanTable, step: Callable[[int, int], int]) -> Steps:
    """Spread the codes of a table, which are counted upwards, over all that 16 bits can be."""
    lengths = [length for length, n in enumerate(table.n_by_length, 1) for _ in range(n)]
    steps = [step(symbol, length) for symbol, length in zip(table.symbols, lengths, strict=False)]
    shares = [1 << (16 - length) for length in lengths[: len(steps)]]
    bad = max(0, (1 << 16) - sum(shares))
    spread = np.repeat(np.array([*steps, _BAD_CODE], np.int64), [*shares, bad])
    codes: Steps = spread.tolist()
    return codes


def _walk_blocks(tables: list[tuple[Steps, Steps]]) -> Walk:
    def walk(bits: _Bits, first: int, last: int) -> int:
        windows, n_bits, place = bits.windows, bits.n_bits, 0
        for _ in range(first, last):
            for levels, runs in tables:
                place += levels[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
                index = 1
                while index < _N_COEFFICIENTS:
                    step = runs[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
                    place += step >> 8
                    index += step & 255
                if _N_COEFFICIENTS < index < _END_OF_BLOCK:
                    raise _Overrun
            if place > n_bits:
                raise _TooShort
        return place

    return walk


def _walk_levels(tables: list[Steps]) -> Walk:
    def walk(bits: _Bits, first: int, last: int) -> int:
        windows, n_bits, place = bits.windows, bits.n_bits, 0
        for _ in range(first, last):
            for levels in tables:
                place += levels[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
            if place > n_bits:
                raise _TooShort
        return place

    return walk


def _walk_level_bits(n_blocks: int) -> Walk:
    def walk(bits: _Bits, first: int, last: int) -> int:
        place = (last - first) * n_blocks
        if place > bits.n_bits:
            raise _TooShort
        return place

    return walk


def _walk_runs(symbols: Steps, known: list[int], first_index: int, last_index: int) -> Walk:
    def walk(bits: _Bits, first: int, last: int) -> int:
        windows, n_bits, place, block = bits.windows, bits.n_bits, 0, first
        while block < last:
            index, passed = first_index, 1
            while index <= last_index:
                step = symbols[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
                place += step >> 8
                run, size = step >> 4 & 15, step & 15
                if size:
                    known[block] |= 1 << index + run
                    place += size
                elif run < 15:
                    passed = (1 << run) + _number(bits, place, run)
                    place += run
                    break
                index += run + 1
            block += passed
            if place > n_bits:
                raise _TooShort
            if index > last_index + 1 or block > last:
                raise _Overrun
        return place

    return walk


def _walk_refinement(  # noqa: C901
    symbols: Steps, known: list[int], first_index: int, last_index: int
) -> Walk:
    all_indices = (1 << last_index + 1) - 1

    # in one piece: a function called for each code would take longer than what it does
    def walk(bits: _Bits, first: int, last: int) -> int:  # noqa: C901
        windows, n_bits, place, passed = bits.windows, bits.n_bits, 0, 0
        for block in range(first, last):
            before, index = known[block], first_index
            while not passed and index <= last_index:
                step = symbols[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
                place += step >> 8
                run, size = step >> 4 & 15, step & 15
                if size:
                    place += 1
                elif run < 15:
                    passed = (1 << run) + _number(bits, place, run)
                    place += run
                    break
                while index <= last_index:
                    if before >> index & 1:
                        place += 1
                    elif run:
                        run -= 1
                    else:
                        break
                    index += 1
                if index > last_index:
                    raise _Overrun
                if size:
                    known[block] |= 1 << index
                index += 1
            if passed:
                place += ((before & all_indices) >> index).bit_count()
                passed -= 1
            if place > n_bits:
                raise _TooShort
        if passed:
            raise _Overrun
        return place

    return walk


def _number(bits: _Bits, place: int, n_bits: int) -> int:
    return bits.windows[place >> 3] >> 24 - (place & 7) - n_bits & (1 << n_bits) - 1
