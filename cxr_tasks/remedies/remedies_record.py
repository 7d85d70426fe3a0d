"""`remedies.json`: what is left of a run's scores on images made anew."""

from typing import ClassVar, Literal

from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.volume.record_model import Facts, StageRecord


class ControlChange(Facts):
    """A control that told the classes apart, before and after, on the same images."""

    title: str
    first: Estimate
    """The area under its ROC curve."""
    after: Estimate
    fall: Estimate
    """First minus after, paired."""
    above_chance_after: bool
    settled: bool
    """Whether it has fallen, and is above chance no more, and not by construction."""
    made_equal: bool = False
    """Whether the remedy itself made what the control sees the same for all images."""


class VariantChange(Facts):
    """A variant before and after, on the same images."""

    title: str
    n_images: int
    n_groups: int
    first: Estimate
    """The area under its ROC curve."""
    after: Estimate
    survived_fraction: Estimate | None
    """Of its excess over chance, AUC - 0.5; None where it was not shown to have any."""
    above_chance_after: bool


class RemedyChange(Facts):
    """What a remedy has changed, by controls and variants."""

    controls: dict[str, ControlChange]
    """Those that were above chance."""
    variants: dict[str, VariantChange]
    newly_above_chance: list[str]
    """Titles of controls that are above chance only now."""
    judged: str | None
    """The variant that `useful` is about; None where none was trained twice."""
    useful: bool
    """By the rule: against one control at least."""
    sentence: str

    @property
    def usefulness(self) -> str:
        """Whether it is useful, in a word or two: in part where other controls tell still."""
        tell = any(each.above_chance_after for each in self.controls.values())
        if self.useful:
            return "in part" if tell or self.newly_above_chance else "yes"
        return "not shown"


class RemedyOutcome(Facts):
    """One remedy of a run."""

    run: str
    """Name of the run that did it again."""
    done: str
    """What was done to the images; empty where it could not be."""
    failure: str
    """Why there is no result; empty where there is one."""
    n_images: int
    n_left_out: int
    verdict: VerdictName | None
    verdict_sentence: str
    change: RemedyChange | None


class RemediesFacts(Facts):
    """A run and its remedies."""

    run: str
    verdict: VerdictName
    verdict_sentence: str
    basis: str
    description: str
    """Of the images."""
    n_images: int
    remedies: dict[str, RemedyOutcome]
    """By the setting `remedy`."""
    rule: str


class RemediesRecord(RemediesFacts, StageRecord):
    """The finished comparison of a run with its remedies."""

    FILE: ClassVar[str] = "remedies.json"
    COMMAND: ClassVar[str] = "remedy"

    stage: Literal["remedies"]
