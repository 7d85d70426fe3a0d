"""`activations.json`: what frozen layers gave for every image of a data set."""

from typing import ClassVar, Literal

from cxr_tasks.volume.record_model import StageRecord


class ActivationsRecord(StageRecord):
    """Cached activations; configuration and seed are those of the run that wanted them first."""

    FILE: ClassVar[str] = "activations.json"
    COMMAND: ClassVar[str] = "train"

    stage: Literal["activations"]
    n_images: int
