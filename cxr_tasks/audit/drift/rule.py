"""What of two data sets is compared, by what measure, and from where on something has moved."""

from dataclasses import dataclass

from cxr_tasks.audit.drift.shift import N_PERMUTATIONS

SIGNIFICANCE = 0.01

FLOORS = {
    "KS": 0.15,  # two bells 0.38 of their spread apart
    "AUC": 0.65,  # two bells 0.55 apart: more, since it looks along the best of many directions
    "difference": 0.1,
}
"""By measure. What is less is no drift, however sure: in thousands of images every trifle is."""


@dataclass(frozen=True)
class Figure:
    """One thing that is compared.

    Attributes:
        title: What a person calls it.
        measure: By what, a key of `FLOORS`.
        unit: Of its values, where it is a quantity.
    """

    title: str
    measure: str
    unit: str = ""


FIGURES = {
    "class_balance": Figure("share of COVID-19", "difference"),
    "intensity_mean": Figure("mean grey", "KS", "of 255"),
    "intensity_spread": Figure("spread of grey", "KS", "of 255"),
    "width": Figure("width", "KS", "px"),
    "height": Figure("height", "KS", "px"),
    "file_size": Figure("file size", "KS", "kB"),
    "features": Figure("frozen features", "AUC"),
}

RULE = (
    f"Something moved when it differs beyond chance (p < {SIGNIFICANCE} after Holm's correction "
    "over all comparisons; for chance, patients and copies are dealt out to the two data sets "
    f"anew, whole, {N_PERMUTATIONS} times) and by enough to matter: the distributions of a "
    f"quantity are at least {FLOORS['KS']} apart (Kolmogorov-Smirnov), frozen features tell new "
    f"images from the champion's with an AUC of at least {FLOORS['AUC']}, or the share of COVID-19 "
    f"differs by at least {FLOORS['difference']}. Quantities and features are compared within each "
    "class, so that another class balance moves nothing but itself."
)
