"""`ingest.json`: which data set and which backbone weights a run uses."""

from typing import ClassVar, Literal

from pydantic import Field

from cxr_tasks.volume.record_model import Facts, PeakMemory, StageRecord


class WeightsFacts(Facts):
    """Where the backbones start."""

    origin: str
    """A key of `settings.weights_origins.ORIGINS`."""
    sha256: str
    """Of the file; empty where there is none."""
    file_name: str
    """Below `cache/backbones`; empty where there is none."""


class IngestFacts(Facts):
    """What a run begins with."""

    weights: WeightsFacts
    dataset: str
    """Fingerprint."""
    external: str | None
    """Of the second data set, where there is one."""
    champion: str | None = None
    """The version that served when the run began."""
    n_left_out_by_reason: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Files that are no candidates, by `dataset` and `external`."""
    unchanged_since: str | None = None
    """The earlier run that this one would repeat."""
    base: str | None = None
    """Fingerprint of the data set that a remedy has made this run's from."""
    first_run: str | None = None
    """The run on that data set that this one is compared with."""


class IngestRecord(PeakMemory, IngestFacts, StageRecord):
    """The finished stage `ingest`."""

    FILE: ClassVar[str] = "ingest.json"
    COMMAND: ClassVar[str] = "ingest"

    stage: Literal["ingest"]
