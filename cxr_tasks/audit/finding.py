"""One finding of the audit, as a report shows it."""

from typing import get_args

from cxr_tasks.audit.audit_record import FindingFacts, Severity


def finding(
    check: str,
    severity: Severity,
    message: str,
    *,
    value: float | None = None,
    interval: list[float] | None = None,
) -> FindingFacts:
    """Build a finding; without a number that it is about, it says so."""
    return FindingFacts(
        check=check, severity=severity, message=message, value=value, interval=interval
    )


def gravest_first(findings: list[FindingFacts]) -> list[FindingFacts]:
    """Order findings by severity; those of one severity keep their order."""
    return sorted(findings, key=lambda each: get_args(Severity).index(each.severity))
