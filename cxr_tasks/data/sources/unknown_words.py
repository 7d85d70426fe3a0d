"""What people and programs write where nobody knows."""

import re
import unicodedata

_WORDS = frozenset(
    {
        "nan",
        "none",
        "null",
        "nil",
        "nat",
        "na",
        "n/a",
        "n.a",
        "na na",
        "n/a n/a",
        "n/k",
        "n.k",
        "n/d",
        "n.d",
        "unknown",
        "unk",
        "undefined",
        "unspecified",
        "unidentified",
        "missing",
        "empty",
        "blank",
        "not known",
        "not available",
        "not applicable",
        "not specified",
        "not given",
        "not provided",
        "not recorded",
        "not reported",
        "not stated",
        "not disclosed",
        "not identified",
        "none given",
        "anonymous",
        "anonymized",
        "anonymised",
        "anonym",
        "anon",
        "deidentified",
        "de identified",
        "redacted",
        "removed",
        "withheld",
        "hidden",
        "confidential",
        "tbd",
        "xxx",
        "no id",
        "no data",
        "no patient",
        "no patient id",
        "unknown patient",
        "unknown id",
        "patient unknown",
        "id unknown",
        "unbekannt",
        "anonymisiert",
        "keine angabe",
        "k.a",
        "inconnu",
        "anonyme",
        "desconocido",
        "sconosciuto",
        "不明",
        "未知",
    }
)
"""In lower case, without signs at the ends, `_` and `-` between words as blanks."""

_CODE = re.compile(
    r"-(?:1|9+)(?:[.,]0+)?"  # as databases number it
    r"|#(?:ref|value|name|div/0|num|null|n/a|spill|calc|field|blocked)[!?]?(?: n/a)?"  # Excel's
    r"|-?1[.,]#(?:ind|qnan|inf)\d*"
)


def is_unknown(text: str) -> bool:
    """Say whether a text stands for something unknown; a text without letter or digit does."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    words = re.sub(r"[\s_-]+", " ", re.sub(r"^[\W_]+|[\W_]+$", "", text))
    return not words or words in _WORDS or bool(_CODE.fullmatch(text))
