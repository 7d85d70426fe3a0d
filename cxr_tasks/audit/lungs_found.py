"""In how many images the lungs are known that the controls take out."""

import pandas as pd

from cxr_tasks.audit.audit_record import FindingFacts, LungsFacts, Severity, finding
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.statistics.figures_record import ByClass

MAX_NOT_FOUND_FRACTION = 0.1
"""Of a class's images; where more have no lungs, what lies outside them is not known."""


def audit_lungs(lungs: Lungs, split: pd.DataFrame) -> tuple[LungsFacts, list[FindingFacts]]:
    """Count given, segmented and missing lung masks; warn where too many of a class are missing."""
    labels, found = split["label"].to_numpy(), lungs.found
    segmented = found & ~lungs.given
    n_not_found = {label: int((~found & (labels == label)).sum()) for label in (0, 1)}
    facts = LungsFacts(
        n_given=int(lungs.given.sum()),
        n_segmented=int(segmented.sum()),
        n_not_found=ByClass[int](covid=n_not_found[1], normal=n_not_found[0]),
        quality=float(lungs.quality[segmented].mean()) if segmented.any() else None,
    )
    if found.all():
        return facts, []
    too_many = any(
        n > MAX_NOT_FOUND_FRACTION * (labels == label).sum() for label, n in n_not_found.items()
    )
    message = (
        f"No lungs were found in {n_not_found[1]} COVID-19 and {n_not_found[0]} normal images; a "
        "rectangle in the middle stands for them"
        + (": what lies outside the lungs is then not well known." if too_many else ".")
    )
    severity: Severity = "warning" if too_many else "info"
    return facts, [finding("lungs", severity, message, value=int((~found).sum()))]
