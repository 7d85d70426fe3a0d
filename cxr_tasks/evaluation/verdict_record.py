"""`verdict.json`: whether a score is evidence of detecting disease."""

from typing import Literal

from cxr_tasks.audit.audit_record import FindingFacts
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.volume.record_model import Facts, Interval

VerdictName = Literal["clean", "warning", "shortcut"]


class ControlComparison(Facts):
    """A variant against one control, on the images that both have scored."""

    title: str
    model_auc: float
    model_interval: Interval | None
    control_auc: float
    difference: Estimate
    reached_fraction: Estimate | None = None
    """How much of the model's excess over chance, AUC - 0.5, the control has by itself; None where
    the model has none."""
    n_images_to_tell: int | None = None
    """About so many images like these would tell whether the model is ahead; None where it is told
    already."""
    model_above_chance: bool
    control_above_chance: bool
    is_shortcut: bool


class VerdictFacts(Facts):
    """The verdict about one variant, and every variant against every control."""

    verdict: VerdictName
    variant: str
    sentence: str
    findings: list[FindingFacts]
    n_images_to_exclude: int | None = None
    """About so many images like these would show every control, if at chance, to be below AUC 0.55;
    None where they do already, or where the verdict is another than `clean`."""
    comparisons: dict[str, dict[str, ControlComparison]]
    rule: str
