"""Whom a file's name says an image shows."""

import re

from cxr_tasks.data.phantom.plan import PATIENT_PATTERN as PHANTOM_PATIENT

# NIH ChestX-ray14 has the patients 00000001 to 00030805 and numbers their images with three
# digits: 00002658_000.png. Other eight digits are dates (20200403_101500.jpg) or other counters.
_NIH_NAME = r"(?:.*/)?(\d{8})_\d{3}\.\w+"
_NIH_PATIENTS = range(1, 30806)

_PHANTOM_NAME = rf"(?:.*/)?{PHANTOM_PATIENT}"


def patient_of(path: str) -> str:
    """Read the patient off a file name; empty where it follows no known pattern.

    A pattern that is only likely must not count: images of other people that share a day of
    examination would become one patient.
    """
    if match := re.fullmatch(_NIH_NAME, path, re.DOTALL | re.ASCII):
        return match[1] if int(match[1]) in _NIH_PATIENTS else ""
    match = re.fullmatch(_PHANTOM_NAME, path, re.DOTALL)
    return match[1] if match else ""
