"""`version.json`: what a version of the champion is, once its run is deleted."""

from typing import Any, ClassVar, Literal

from cxr_tasks.champion.approval_record import ApprovalFacts
from cxr_tasks.champion.promotion_record import ContestFacts
from cxr_tasks.reporting.report_record import Headline
from cxr_tasks.statistics.figures_record import Basis
from cxr_tasks.volume.record_model import Facts, StageRecord


class VersionFacts(Facts):
    """A model that was promoted."""

    variant: str
    title: str
    promoted_at: str
    """ISO 8601."""
    profile: str
    basis: Basis
    dataset: str
    """Fingerprint of its own data."""
    synthetic: bool
    weights_origin: str = "none"
    temperature: float
    cutoff: float
    min_sensitivity: float
    threads: int
    seed_of_run: int
    verdict: str
    """Of its run's audit."""
    headline: Headline
    config: dict[str, Any]
    """Every setting of its run by its name."""
    champion_before: str | None
    """The version that it replaced."""
    comparison: ContestFacts | None
    """None where there was nothing to compare with."""
    decision_reason: str
    version: str
    """Its name, and its folder's."""
    run_key: str
    approval: ApprovalFacts | None = None
    """Of a person; None where nobody was asked."""


class VersionRecord(VersionFacts, StageRecord):
    """A finished version."""

    FILE: ClassVar[str] = "version.json"
    COMMAND: ClassVar[str] = "promote"

    stage: Literal["version"]
