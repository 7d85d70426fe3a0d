"""The words and codes by which tables say that something is not known."""

import re
import unicodedata

_UNKNOWN_WORD = re.compile(
    "nan|none(?: given)?|null|nil|nat|na(?: na)?|n[/.][akd]|n/a n/a|tbd|xxx|missing|empty|blank"
    "|unk|un(?:known|defined|specified|identified)|unknown (?:patient|id)|(?:patient|id) unknown"
    "|not (?:known|available|applicable|specified|given|provided|recorded|reported|stated)"
    "|not (?:disclosed|identified)|no (?:id|data|patient|patient id)"
    "|anon(?:ym(?:ous|i[sz]ed|isiert|e)?)?|de ?identified|redacted|removed|withheld|hidden"
    "|confidential|unbekannt|keine angabe|k\\.a|inconnu|desconocido|sconosciuto|不明|未知"
)
"""In lower case, without signs at the ends, `_` and `-` between words as blanks."""

_UNKNOWN_CODE = re.compile(
    r"-(?:1|9+)(?:[.,]0+)?"  # as databases number it
    r"|#(?:ref|value|name|div/0|num|null|n/a|spill|calc|field|blocked)[!?]?(?: n/a)?"  # Excel's
    r"|-?1[.,]#(?:ind|qnan|inf)\d*"
)


def is_unknown(text: str) -> bool:
    """Return whether a text stands for something unknown; one without letter or digit does."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    words = re.sub(r"[\s_-]+", " ", re.sub(r"^[\W_]+|[\W_]+$", "", text))
    return not words or bool(_UNKNOWN_WORD.fullmatch(words) or _UNKNOWN_CODE.fullmatch(text))
