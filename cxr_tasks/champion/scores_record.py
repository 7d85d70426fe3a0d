"""`score.json`: a batch of new images, scored by the champion."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cxr_tasks.reporting.report_record import Headline
from cxr_tasks.statistics.figures_record import Basis, ByClass
from cxr_tasks.volume.record_model import Facts, Interval, PeakMemory, StageRecord


class CountedShare(Facts):
    """A proportion as part and whole, with its 95 % interval."""

    counts: Annotated[list[int], Field(min_length=2, max_length=2)]
    interval: Interval | None


class RetirementFacts(Facts):
    """When the champion was retired, and why."""

    at: str
    reason: str


class KnownData(Facts):
    """The images that the champion was trained and measured on."""

    description: str
    fingerprint: str
    n_images: int
    n_covid: int


class ScoringChampion(Facts):
    """What a reader of scores has to know of who gave them."""

    version: str
    variant: str
    title: str
    run_key: str
    promoted_at: str
    profile: str
    basis: Basis
    synthetic: bool
    temperature: float
    cutoff: float
    min_sensitivity: float
    threads: int
    verdict: str
    headline: Headline
    start: str | None = None
    """Where its backbone started, if a reader has to know."""
    retired: RetirementFacts | None = None
    data: KnownData
    prevalence: float
    """The fraction of COVID-19 in its data, where its probabilities are calibrated."""
    example_prevalence: float
    """Another fraction, for which the page says what a probability of 50 % would be."""
    cutoff_probability: float
    """The cut-off as a probability."""
    at_cutoff: ByClass[CountedShare]
    """What its decisions found of each class in its own data."""


class ScoresFacts(Facts):
    """A batch, counted."""

    name: str
    scored_at: str
    paths: list[str]
    champion: ScoringChampion
    n_images: int
    n_scored: int
    n_positive: int
    n_negative: int
    n_refused: int
    n_refused_by_reason: dict[str, int]
    n_known: int
    """Images that are in the champion's own data."""
    n_known_by_kind: dict[str, int]
    n_by_probability: dict[Literal["positive", "negative"], list[int]]
    """For each decision, images in equal bins of probability."""
    n_left_out: dict[str, int]
    """Files whose names say that they are no images, by suffix."""
    n_ignored_links: int


class ScoresRecord(PeakMemory, ScoresFacts, StageRecord):
    """A scored batch."""

    FILE: ClassVar[str] = "score.json"
    COMMAND: ClassVar[str] = "predict"

    stage: Literal["score"]
