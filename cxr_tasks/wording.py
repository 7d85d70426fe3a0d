"""Numbers, names and sizes as a person reads them, in the report and in the terminal."""

import re
import unicodedata
from datetime import UTC, datetime

COVID, NORMAL = 1, 0
CLASS_NAMES = {COVID: "COVID-19", NORMAL: "normal"}
PART_NAMES = {"train": "training", "val": "validation", "test": "test", "oof": "out-of-fold"}
VERDICT_NAMES = {"shortcut": "shortcut", "warning": "warning", "clean": "no shortcut found"}
NONE = "none"
WIDTH = 100
"""Columns of text in a terminal."""

UNDEFINED = "\N{EN DASH}"
_GAP, _THIN_GAP = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
_SPACES = _GAP + _THIN_GAP
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Without which Persian words and emoji of several people are others."""


def percent(fraction: float | None, digits: int = 1) -> str:
    """Write a fraction in [0, 1] as percent."""
    return UNDEFINED if fraction is None else f"{100 * fraction:.{digits}f}{_GAP}%"


def counted(counts: tuple[int, int]) -> str:
    """Write a proportion with its counts: `91.4 % (74 of 81)`."""
    part, whole = counts
    return f"{percent(part / whole)} ({part} of {whole})" if whole else f"{UNDEFINED} (0 of 0)"


def spread(interval: list[float] | None) -> str:
    """Write an interval of fractions: `83.2 to 95.8 %`."""
    if interval is None:
        return UNDEFINED
    return f"{100 * interval[0]:.1f} to {percent(interval[1])}"


def points(difference: float | None) -> str:
    """Write a difference of fractions in percentage points, with its sign."""
    return UNDEFINED if difference is None else f"{_signed(100 * difference, 1)}{_GAP}pp"


def points_spread(interval: list[float] | None) -> str:
    """Write an interval of differences in percentage points: `-4.3 to +4.3 pp`."""
    if interval is None:
        return UNDEFINED
    low, high = (_signed(100 * end, 1) for end in interval)
    return f"{low} to {high}{_GAP}pp"


def signed(difference: float | None) -> str:
    """Write a difference with its sign and three decimals."""
    return UNDEFINED if difference is None else _signed(difference, 3)


def decimals(interval: list[float] | None) -> str:
    """Write an interval of numbers: `0.983 to 0.999`."""
    if interval is None:
        return UNDEFINED
    return " to ".join(f"{end:.3f}".replace("-", "\N{MINUS SIGN}") for end in interval)


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def decimal(value: float | None, digits: int = 3) -> str:
    """Write a number with a fixed number of decimals."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def p_value(value: float) -> str:
    """Write a p value, a very small one as an upper limit."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_compared(value: float) -> str:
    """Write a p value as it follows its letter: `= 0.012`, `< 0.001`."""
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def whole(number: float) -> str:
    """Write a whole number with its thousands apart: `2 422 081`."""
    return f"{round(number):,}".replace(",", _THIN_GAP)


def megabytes(n_bytes: float) -> str:
    """Write a size in MB, of a million bytes each."""
    return f"{n_bytes / 1e6:.1f}{_GAP}MB"


def utc(seconds: float) -> str:
    """Write a time in UTC as a person reads it: `2026-01-31 03:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def moment(text: str) -> str:
    """Write a time that a record states in ISO 8601 as a person reads it, in UTC."""
    try:
        return utc(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return one_line(text, 40)


def one_line(text: str, limit: int = 90) -> str:
    r"""Show a file name or message from outside: visible throughout, and not too long.

    Control characters, line breaks and marks that turn the writing direction are shown as
    escapes (`\n`), and of a long text the middle is left out.
    """
    return _shortened(_escaped(text, kept=_SPACES), limit)


def told(text: str, limit: int = 90) -> str:
    """Show what a person has written in a line: as `one_line`, but every blank is one.

    What joins letters and emoji stays, which in the name of a file could hide something.
    """
    return _shortened(_escaped(" ".join(text.split()), kept=_SPACES + _JOINERS), limit)


def first_unseen(text: str) -> str:
    """Return the first character of a text that no reader could see; empty where there is none.

    Blanks of every kind, line breaks and joiners are seen, by what they do to what is beside them.
    """
    return next((char for char in text if not _is_seen(char)), "")


def _is_seen(char: str) -> bool:
    blank = char in "\t\n" or unicodedata.category(char) == "Zs"
    return char.isprintable() or blank or char in _JOINERS


def _escaped(text: str, *, kept: str) -> str:
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode()
        for char in text
    )


def _shortened(visible: str, limit: int) -> str:
    if len(visible) <= limit:
        return visible
    n_end = limit // 3
    return f"{visible[: limit - n_end - 1]}…{visible[-n_end:]}"


def markdown(text: str) -> str:
    """Show text from outside as it is in Markdown: what could be markup is escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def recommended(variant: str | None) -> str:
    """Describe which variant a run recommends; where nothing is better than chance it is none."""
    return f"Recommended: {NONE if variant is None else variant}"
