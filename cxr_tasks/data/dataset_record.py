"""`dataset.json`: what an ingested data set holds."""

from typing import ClassVar, Literal

from pydantic import Field

from cxr_tasks.volume.record_model import Facts, StageRecord


class DatasetFacts(Facts):
    """What was taken, and what was not.

    Attributes:
        source: The setting `source`.
        description: Of the source, for a person.
        synthetic: Whether this project drew the images.
        n_candidates: Files that may be images of a class.
        n_by_class: By the classes' names of `wording.CLASS_NAMES`.
        n_rejected: Candidates that cannot be used.
        n_unmatched: Files in no class folder.
        n_left_out_by_reason: Files that are no candidates.
    """

    source: str
    description: str
    synthetic: bool
    image_size_px: int
    n_candidates: int
    n_images: int
    n_by_class: dict[str, int]
    known_patient_fraction_by_class: dict[str, float]
    n_rejected: int
    n_rejected_by_reason: dict[str, int] = Field(default_factory=dict)
    n_unmatched: int = 0
    n_ignored_links: int = 0
    n_left_out_by_reason: dict[str, int] = Field(default_factory=dict)


class DatasetRecord(DatasetFacts, StageRecord):
    """A finished image store; configuration and seed are those of the run that came first."""

    FILE: ClassVar[str] = "dataset.json"
    COMMAND: ClassVar[str] = "ingest"

    stage: Literal["dataset"]
