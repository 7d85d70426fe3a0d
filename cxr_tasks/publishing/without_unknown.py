"""Records without the keys that this version of the project does not know.

Newer code may have written them, and nothing here says whether they name a patient.
"""

from typing import TypeVar

from cxr_tasks.volume.record_model import Facts

PartT = TypeVar("PartT")


def without_unknown(part: PartT) -> PartT:
    """Return a record, or a part of one, with the keys of its models alone."""
    known: object = part
    if isinstance(part, Facts):
        fields = (name for name in type(part).model_fields if name in part.model_fields_set)
        kept = part.model_copy(
            update={name: without_unknown(getattr(part, name)) for name in fields}
        )
        (kept.model_extra or {}).clear()
        known = kept
    elif isinstance(part, dict):
        known = {key: without_unknown(each) for key, each in part.items()}
    elif isinstance(part, list):
        known = [without_unknown(each) for each in part]
    return known  # type: ignore[return-value]
