"""The notes of a run, as page and terminal show them beside its numbers."""

from collections.abc import Mapping
from typing import Any

NOTICE = "Research software, not a medical device: it must not decide about a patient."
_SAID_BY_THE_RECOMMENDATION = "chance"


def notes(report: Mapping[str, Any]) -> list[str]:
    """Return a run's notes, the gravest first, without what the recommendation says itself.

    Args:
        report: As `report_facts` gives them; older runs word their notes as they did then.
    """
    banners = report["banners"]
    return [each["text"] for each in banners if each["kind"] != _SAID_BY_THE_RECOMMENDATION]


def matter_of(text: str) -> tuple[str, str]:
    """Divide a note into what says the matter by itself, and the rest.

    The first part ends with the first colon or full stop that a blank follows.
    """
    ends = [at for mark in (": ", ". ") if (at := text.find(mark)) >= 0]
    if not ends:
        return text, ""
    end = min(ends) + 1
    return text[:end], text[end + 1 :]
