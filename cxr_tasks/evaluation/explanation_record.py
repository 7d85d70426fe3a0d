"""`explanation.json`: where one variant looks."""

from typing import Literal

from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.volume.record_model import Facts, Interval


class OutsideShare(Facts):
    """The mean share of attention outside the lungs; None where no map shows evidence."""

    mean: float | None
    interval: Interval | None


class SanityStep(Facts):
    """Maps of the trained model against those with layers at random, down to `layer`."""

    layer: str
    n_compared: int = 0
    rank_correlation: float | None
    ssim: float | None


class ExplainedImage(Facts):
    """One image whose map is shown."""

    row: int
    label: Literal[0, 1]
    score: float
    right: bool
    outside_fraction: float | None


class ExplanationFacts(Facts):
    """A saved model explained on images that did not train it."""

    layer: str
    """Whose maps these are."""
    part: str
    """What the images are to the model."""
    n_images: int
    n_without_evidence: int = 0
    """Images whose map is empty."""
    outside_area_fraction: float
    """What attention spread evenly would give."""
    outside_fraction: ByClass[OutsideShare]
    sanity: list[SanityStep]
    sanity_passes: bool | None
    """Whether the maps depend on what was learned; None where no map has evidence."""
    examples: list[ExplainedImage]
