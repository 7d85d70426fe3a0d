"""`split.json`: how many images train, stop the training and test."""

from typing import ClassVar, Literal

from cxr_tasks.volume.record_model import Facts, PeakMemory, StageRecord

PartName = Literal["train", "val", "test"]


class PartCounts(Facts):
    """The images of one part."""

    n_images: int
    n_covid: int
    n_normal: int
    n_groups: int


class RoundCounts(Facts):
    """The images of each part in one round, from 1."""

    round: int
    n_train: int
    n_val: int
    n_test: int


class FoldNumbers(Facts):
    """How often the images are divided, and into how many folds."""

    n_folds: int
    n_repeats: int


class FoldRounds(FoldNumbers):
    """The folds, numbered through all repeats."""

    rounds: list[RoundCounts]


class SplitFacts(Facts):
    """The split; with folds that of the final fit, and parts that are empty are left out."""

    kind: str
    parts: dict[PartName, PartCounts]
    n_groups: int
    n_duplicate_images: int
    n_groups_across_parts: int
    n_images_in_groups_across_parts: int
    folds: FoldRounds | None


class SplitRecord(PeakMemory, SplitFacts, StageRecord):
    """The finished stage `split`."""

    FILE: ClassVar[str] = "split.json"
    COMMAND: ClassVar[str] = "split"

    stage: Literal["split"]
