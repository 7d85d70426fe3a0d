"""The values of acquisition fields, as people and DICOM write them, brought to one spelling."""

import re
import unicodedata
from collections.abc import Callable

from cxr_tasks.data.sources.unknown_words import is_unknown

_MAX_YEARS = 120

_FEMALE = "f female woman women girl w weiblich frau féminin femme femenino mujer"
_MALE = "m male man men boy männlich mann masculin homme masculino hombre"
_SEXES = {word: sex for sex, words in (("F", _FEMALE), ("M", _MALE)) for word in words.split()}

_AGE = re.compile(r"([+-]?\d+(?:[.,]\d+)?) ?([a-z]*)\.?")
_UNITS_OF_A_YEAR = {
    **dict.fromkeys(("", "y", "yr", "yrs", "yo", "year", "years"), 1.0),
    **dict.fromkeys(("m", "mo", "mos", "month", "months"), 12.0),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 52.18),
    **dict.fromkeys(("d", "day", "days"), 365.25),
}

_VIEWS = {
    "PA": ("PA", "P A", "PA CHEST", "CHEST PA", "POSTEROANTERIOR", "POSTERO ANTERIOR"),
    "AP": ("AP", "A P", "AP CHEST", "CHEST AP", "ANTEROPOSTERIOR", "ANTERO POSTERIOR"),
    "AP SUPINE": ("AP SUPINE", "SUPINE AP", "APSUPINE", "AP HORIZONTAL"),
    "L": ("L", "LAT", "LATERAL"),
}
_VIEW_OF_WORDS = {words: view for view, spellings in _VIEWS.items() for words in spellings}

_FOLLOW_UP = re.compile(r"\+?(\d{1,6})(?:[.,]0+)?")


def read_sex(text: str) -> str | None:
    """Return F or M; empty where it is not known, None of what says neither."""
    return _SEXES.get(_plain(text).casefold(), _empty_if_unknown(text))


def read_age(text: str) -> str | None:
    """Return an age in years: of `45`, `45.0`, `058Y`, `12M` (months), `3 weeks`, `10 d`.

    Empty where it is not known, None of what is no age from 0 to 120 years.
    """
    match = _AGE.fullmatch(_plain(text).casefold())
    if not match:
        return _empty_if_unknown(text)
    per_year = _UNITS_OF_A_YEAR.get(match[2])
    years = float(match[1].replace(",", ".")) / per_year if per_year else -1.0
    return f"{years:.4g}" if 0 <= years <= _MAX_YEARS else None


def read_view(text: str) -> str:
    """Return the view in capitals, and the common ones by their common names."""
    view = read_text(text).upper()
    return _VIEW_OF_WORDS.get(re.sub(r"[\W_]+", " ", view).strip(), view)


def read_follow_up(text: str) -> str | None:
    """Return a whole number; empty where it is not known, None of anything else."""
    match = _FOLLOW_UP.fullmatch(_plain(text))
    return str(int(match[1])) if match else _empty_if_unknown(text)


def read_text(text: str) -> str:
    """Return a text without blanks at its ends and doubled ones; empty where it is not known."""
    return "" if is_unknown(text) else " ".join(unicodedata.normalize("NFC", text).split())


READERS: dict[str, Callable[[str], str | None]] = {
    "sex": read_sex,
    "age": read_age,
    "view": read_view,
    "device": read_text,
    "follow_up": read_follow_up,
    "hospital": read_text,
}
"""By acquisition field, what reads a value; None of a text that is no value."""

ALLOWED = {
    "sex": "F or M",
    "age": f"0 to {_MAX_YEARS} years",
    "follow_up": "a whole number from 0 on",
}
"""What a value may be, for a person."""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _empty_if_unknown(text: str) -> str | None:
    return "" if is_unknown(text) else None
