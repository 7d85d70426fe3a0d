"""One finding of the audit, as a report shows it."""

from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The gravest first."""

Facts = dict[str, Any]


def finding(
    check: str,
    severity: Severity,
    message: str,
    *,
    value: float | None = None,
    interval: list[float] | None = None,
) -> Facts:
    """Build a finding as JSON knows it.

    Args:
        check: Name of what was looked at.
        severity: `error`: the data are wrong. `warning`: the scores mislead. `info`: to know.
        message: What was found, for a person.
        value: The number it is about, where there is one.
        interval: Its 95 % interval, where there is one.
    """
    return {
        "check": check,
        "severity": severity,
        "message": message,
        "value": value,
        "interval": interval,
    }


def gravest_first(findings: list[Facts]) -> list[Facts]:
    """Order findings by severity; those of one severity keep their order."""
    return sorted(findings, key=lambda each: SEVERITIES.index(each["severity"]))
