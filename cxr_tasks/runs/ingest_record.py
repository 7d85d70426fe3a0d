"""`ingest.json`: which data set and which backbone weights a run uses."""

from typing import ClassVar, Literal

from pydantic import Field

from cxr_tasks.volume.record_model import Facts, PeakMemory, StageRecord


class WeightsFacts(Facts):
    """Where the backbones start.

    Attributes:
        origin: A key of `settings.weights_origins.ORIGINS`.
        sha256: Of the file; empty where there is none.
        file_name: Below `cache/backbones`; empty where there is none.
    """

    origin: str
    sha256: str
    file_name: str


class IngestFacts(Facts):
    """What a run begins with.

    Attributes:
        dataset: Fingerprint.
        external: Of the second data set, where there is one.
        champion: The version that served when the run began.
        n_left_out_by_reason: Files that are no candidates, by `dataset` and `external`.
        unchanged_since: The earlier run that this one would repeat.
    """

    weights: WeightsFacts
    dataset: str
    external: str | None
    champion: str | None = None
    n_left_out_by_reason: dict[str, dict[str, int]] = Field(default_factory=dict)
    unchanged_since: str | None = None


class IngestRecord(PeakMemory, IngestFacts, StageRecord):
    """The finished stage `ingest`."""

    FILE: ClassVar[str] = "ingest.json"
    COMMAND: ClassVar[str] = "ingest"

    stage: Literal["ingest"]
