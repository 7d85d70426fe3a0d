"""Numbers, names and sizes as a person reads them, in the report and in the terminal."""

import re

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


def one_line(text: str, limit: int = 90) -> str:
    r"""Show a file name or message from outside: visible throughout, and not too long.

    Control characters, line breaks and marks that turn the writing direction are shown as
    escapes (`\n`), and of a long text the middle is left out.
    """
    visible = "".join(
        char if char.isprintable() or char in _SPACES else char.encode("unicode_escape").decode()
        for char in text
    )
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
