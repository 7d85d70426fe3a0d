"""What of a run's data differs from the champion's, as the audit's record says it."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from cxr_tasks.volume.record_model import Facts, Interval

T = TypeVar("T")


class BothDatasets(Facts, Generic[T]):
    """The same of the champion's data and of the run's."""

    champion: T
    run: T


class ClassShare(Facts):
    """The share of COVID-19 in a data set."""

    n_images: int
    n_covid: int
    value: float
    interval: Interval | None


class QuantityFacts(Facts):
    """How a quantity is distributed: its 5, 25, 50, 75 and 95 % quantiles."""

    n_images: int
    quantiles: Annotated[list[float], Field(min_length=5, max_length=5)]


class DriftCheck(Facts):
    """One figure compared, within a class where it is not about their balance."""

    figure: str
    """A key of `FIGURES`."""
    class_name: str | None = Field(validation_alias="class", serialization_alias="class")
    """The class that is compared; `class` in the file, which Python keeps for itself."""
    title: str
    unit: str
    measure: str
    """How the effect is measured."""
    floor: float
    """What the effect has to reach."""
    effect: float
    p_value: float
    champion: QuantityFacts | None = None
    """The quantity in the champion's data; absent for features and the class balance."""
    run: QuantityFacts | None = None
    """The quantity in the run's data; absent likewise."""
    p_holm: float
    moved: bool
    """Whether it differs beyond chance and by enough to matter."""


class _DriftHead(Facts):
    """Which data were to be compared; `dataset` is None where the champion cannot be read."""

    champion: str
    dataset: str | None


class DriftNotCompared(_DriftHead):
    """Data that are the champion's own, or could not be compared, for a `reason`."""

    status: Literal["same data", "not compared"]
    reason: str


class DriftCompared(_DriftHead):
    """Data that were compared; `left_out` has sentences about what was not."""

    status: Literal["compared"]
    reason: str
    n_images: BothDatasets[int]
    n_new: int
    n_shared: int
    n_gone: int
    class_balance: BothDatasets[ClassShare]
    checks: list[DriftCheck]
    left_out: list[str]
    moved: bool
    n_permutations: int
    max_images: int
    rule: str


DriftFacts = Annotated[DriftCompared | DriftNotCompared, Field(discriminator="status")]
