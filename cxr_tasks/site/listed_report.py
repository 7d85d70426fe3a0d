"""What the pages of many runs read of `report.json`: a tenth of it, so that 500 take no second.

Pydantic passes over all else in the file's text without making objects of it. The file's digest,
which takes ten times as long, is checked of those that are shown (`Library`).
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError

from cxr_tasks.evaluation.verdict_record import VerdictName
from cxr_tasks.statistics.figures_record import Basis, FractionFacts
from cxr_tasks.volume.record_model import Facts, parse_facts
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed


def glance_at_report(path: Path) -> "ListedReport":
    """Read a report without a look at its digest.

    Raises:
        DamagedError: It is not such a record.
        ArtifactError: It is missing, or a newer version of the project wrote it.
    """
    try:
        record = ListedReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return check_report(path)
    return record if record.schema_version == SCHEMA_VERSION else check_report(path)


def check_report(path: Path) -> "ListedReport":
    """Read a report, its digest checked; an older one is migrated.

    Raises:
        DamagedError: It is not what was written, or not such a record.
        ArtifactError: It is missing, or a newer version of the project wrote it.
    """
    return parse_facts(read_sealed(path), ListedReport, path=path)


class _Part(Facts):
    model_config = ConfigDict(extra="ignore")


class ListedFigures(_Part):
    """The headline of a variant, as far as runs are compared by it."""

    accuracy: FractionFacts
    roc_auc: FractionFacts
    sensitivity: FractionFacts
    specificity: FractionFacts


class _Trained(_Part):
    status: Literal["ok"]
    headline: ListedFigures
    total_seconds: float


class _Untrained(_Part):
    status: Literal["failed", "skipped"]


ListedVariant = Annotated[_Trained | _Untrained, Field(discriminator="status")]


class _Data(_Part):
    fingerprint: str
    description: str
    n_images: int
    synthetic: bool


class _Weights(_Part):
    origin: str


class _Verdict(_Part):
    verdict: VerdictName
    sentence: str


class _Recommendation(_Part):
    variant: str | None


class ListedReport(_Part):
    """A report as the table of runs needs it."""

    schema_version: int
    profile: str
    basis: Basis
    hashes: dict[str, str]
    data: _Data
    weights: _Weights
    audit: _Verdict
    recommendation: _Recommendation
    variants: dict[str, ListedVariant]
