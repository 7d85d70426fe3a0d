"""What may be known of how an image was taken, and of whom."""

from dataclasses import dataclass

ACQUISITION_FIELDS = {
    "sex": "sex",
    "age": "age",
    "view": "view",
    "device": "device",
    "follow_up": "follow-up number",
    "hospital": "hospital",
}
"""Columns of a data set's `index.csv`, with the titles that a person reads; in this order."""


@dataclass(frozen=True)
class Acquisition:
    """The acquisition fields of one image: all text, and empty where they are not known."""

    sex: str = ""  # F or M
    age: str = ""  # in years
    view: str = ""  # PA, AP, AP SUPINE, L, or in capitals what somebody wrote
    device: str = ""
    follow_up: str = ""  # a whole number; the first image of a patient has 0
    hospital: str = ""


NOTHING_KNOWN = Acquisition()
