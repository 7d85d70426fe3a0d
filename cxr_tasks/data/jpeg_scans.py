"""Whether a JPEG's data tell about every part of its picture, no more and no less.

libjpeg fills what is missing with grey and skips what is left over, and Pillow does not pass its
warnings on. So the codes of the data are followed here, without building a picture of them: whole
data end where the last unit ends. ITU-T T.81, annexes F and G.
"""

from functools import lru_cache

import numpy as np

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.jpeg_layout import N_COEFFICIENTS, RESTART, HuffmanTable, JpegLayout, Scan

_SPARE_BITS = 16
"""Fewer may follow the last unit: the rest of its byte, and one byte more."""

_BAD_CODE = 1 << 50
"""As a step, it leads far behind the end of any data."""

_FURTHEST_BYTES = 1024
"""Further than one unit's codes can reach behind the end of the data."""

_Steps = list[int]
"""By the next 16 bits: how many bits the code at their beginning takes with what belongs to it, by
256, and its symbol: how many coefficients of zero it passes, by 16, and the bits of the next."""


def check_scans(content: bytes, layout: JpegLayout) -> None:
    """Follow the codes of all scans, whose restarts are in order.

    Raises:
        UnusableImage: Data are missing, or more are there than the picture has room for.
    """
    missing_bits = {number: [16] * N_COEFFICIENTS for number in layout.sampling}
    # By channel and block, which coefficients are not zero so far, as bits; later passes spend a
    # bit on each of these.
    known: dict[int, list[int]] = {number: [] for number in layout.sampling}
    for scan in layout.scans:
        _check_scan(content[scan.begin : scan.end], layout, scan, known)
        for number in scan.tables:
            for index in range(scan.first, scan.last + 1):
                missing_bits[number][index] = scan.low_bits
    if any(any(bits) for bits in missing_bits.values()):
        raise UnusableImage("truncated")


def _check_scan(data: bytes, layout: JpegLayout, scan: Scan, known: dict[int, list[int]]) -> None:
    n_units = layout.n_units(scan)
    interval = scan.interval or n_units
    pieces = RESTART.split(data)
    for first, piece in zip(range(0, n_units, interval), pieces, strict=True):
        octets = piece.replace(b"\xff\0", b"\xff")
        units = range(first, min(first + interval, n_units))
        try:
            n_left = 8 * len(octets) - _follow(octets, units, layout, scan, known)
        except IndexError as err:
            raise UnusableImage("truncated") from err
        if n_left >= _SPARE_BITS:
            raise UnusableImage("damaged")


def _follow(
    octets: bytes, units: range, layout: JpegLayout, scan: Scan, known: dict[int, list[int]]
) -> int:
    """Follow the codes of some of a scan's units, and return the bit behind the last.

    Raises:
        UnusableImage: The data end before, or a code leads out of its block or past the last one.
        IndexError: The data end long before.
    """
    padded = np.frombuffer(octets + b"\xff" * _FURTHEST_BYTES, np.uint8).astype(np.int32)
    windows = (padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]).tolist()  # 24 bits at each byte
    n_bits = 8 * len(octets)
    if scan.first > 0:
        [(number, (_, table))] = scan.tables.items()
        if len(known[number]) != (n_units := layout.n_units(scan)):
            known[number] = [0] * n_units
        return _follow_band(windows, n_bits, units, _steps(table), known[number], scan)
    tables = []  # of the blocks of a unit
    for number, (first, others) in scan.tables.items():
        across, down = layout.sampling[number] if len(scan.tables) > 1 else (1, 1)
        tables += across * down * [(_steps(first), _steps(others))]
    if not scan.is_refinement:
        return _follow_blocks(windows, n_bits, units, tables, scan.last)
    if len(units) * len(tables) > n_bits:
        raise UnusableImage("truncated")
    return len(units) * len(tables)  # a bit for each block


@lru_cache(maxsize=32)
def _steps(table: HuffmanTable) -> _Steps:
    """Spread the codes of a table, which are counted upwards, over all that 16 bits can be."""
    n_by_length, symbols = table
    lengths = [length for length, n in enumerate(n_by_length, 1) for _ in range(n)]
    steps = [
        (length + (symbol & 15)) << 8 | symbol
        for symbol, length in zip(symbols, lengths, strict=False)
    ]
    shares = [1 << (16 - length) for length in lengths[: len(steps)]]
    bad = max(0, (1 << 16) - sum(shares))
    spread: _Steps = np.repeat(np.array([*steps, _BAD_CODE]), [*shares, bad]).tolist()
    return spread


def _follow_blocks(
    windows: list[int], n_bits: int, units: range, tables: list[tuple[_Steps, _Steps]], last: int
) -> int:
    """Follow blocks of which each begins with the first coefficient."""
    place = 0
    for _ in units:
        for first, others in tables:
            place += first[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF] >> 8
            index = 1
            while index <= last:
                step = others[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
                place += step >> 8
                if not step & 15 and step & 0xF0 != 0xF0:  # the end of the block
                    break
                index += (step >> 4 & 15) + 1
            if index > last + 1:
                raise UnusableImage("damaged")
        if place > n_bits:
            raise UnusableImage("truncated")
    return place


# In one piece: a function called for each code would take longer than what it does.
def _follow_band(  # noqa: C901
    windows: list[int], n_bits: int, units: range, steps: _Steps, known: list[int], scan: Scan
) -> int:
    """Follow blocks without their first coefficient, and note in `known` which are not zero.

    A refinement has one more bit of each of those known before, between the codes of new ones.
    """
    refined = (1 << scan.last + 1) - 1 if scan.is_refinement else 0
    place = passed = 0
    for block in units:
        before, index = known[block] & refined, scan.first
        while not passed and index <= scan.last:
            step = steps[windows[place >> 3] >> 8 - (place & 7) & 0xFFFF]
            place += step >> 8
            run, size = step >> 4 & 15, step & 15
            if not size and run < 15:  # the end of so many blocks
                passed = (1 << run) + _number(windows, place, run)
                place += run
                break
            while before >> index and (run or before >> index & 1):
                place += before >> index & 1
                run -= ~before >> index & 1
                index += 1
            index += run
            if index > scan.last:
                raise UnusableImage("truncated" if place > n_bits else "damaged")
            if size:
                known[block] |= 1 << index
            index += 1
        if passed:
            place += (before >> index).bit_count()
            passed -= 1
        if place > n_bits:
            raise UnusableImage("truncated")
    if passed:
        raise UnusableImage("damaged")
    return place


def _number(windows: list[int], place: int, n_bits: int) -> int:
    return windows[place >> 3] >> 24 - (place & 7) - n_bits & (1 << n_bits) - 1
