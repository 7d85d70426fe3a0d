"""Drift in words: one finding for the audit."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.audit.finding import finding
from cxr_tasks.wording import decimal, percent, whole

MAX_NAMED = 3

Facts = Mapping[str, Any]

_MEANING = (
    "So the data differ from what the champion knows; this says nothing about this run's scores, "
    "or about which model is better."
)


def drift_finding(drift: Facts) -> dict[str, Any]:
    """Say what the comparison with the champion's data found: `warning` where something moved.

    The verdict's rule does not know this check: it is about the data, and no score misleads by it.

    Args:
        drift: What `measure_drift` gave.
    """
    if drift["status"] == "not compared":
        return finding("drift", "info", f"Drift was not measured. {drift['reason']}")
    whose = f"those of the champion {drift['champion']}"
    if drift["status"] == "same data":
        return finding("drift", "info", f"Drift: the data are {whose}, so nothing can have moved.")
    moved = [each for each in drift["checks"] if each["moved"]]
    left_out = " ".join(["", *drift["left_out"]])
    if not moved:
        message = f"No drift was found between the data and {whose}. {_counts(drift)}{left_out}"
        return finding("drift", "info", message)
    named = _farthest(moved)[:MAX_NAMED]
    told = "; ".join(_told(each, drift) for each in named)
    more = f"; and {len(moved) - len(named)} more" if len(moved) > len(named) else ""
    message = (
        f"Drift: the data differ from {whose} in {len(moved)} of {len(drift['checks'])} "
        f"comparisons: {told}{more}. {_MEANING} {_counts(drift)}{left_out}"
    )
    return finding("drift", "warning", message, value=len(moved))


def _farthest(checks: list[Facts]) -> list[Facts]:
    """Take each figure in the class in which it moved farthest; the farthest figure first."""

    def excess(check: Facts) -> float:
        nothing = 0.5 if check["measure"] == "AUC" else 0.0
        return float((check["effect"] - nothing) / (check["floor"] - nothing))

    farthest: dict[str, Facts] = {}
    for check in sorted(checks, key=excess, reverse=True):
        farthest.setdefault(check["figure"], check)
    return list(farthest.values())


def _told(check: Facts, drift: Facts) -> str:
    title, effect = check["title"], f"{check['measure']} {decimal(check['effect'], 2)}"
    if check["figure"] == "class_balance":
        old, new = (percent(drift["class_balance"][side]["value"]) for side in ("champion", "run"))
        return f"{title} {new}, there {old}"
    if check["figure"] == "features":
        return f"{title} tell new {check['class']} images from the champion's ({effect})"
    digits = 0 if check["unit"] == "px" else 1
    old, new = (decimal(check[side]["quantiles"][2], digits) for side in ("champion", "run"))
    where = f"median {new} {check['unit']}, there {old}"
    return f"{title} of {check['class']} images ({where}; {effect})"


def _counts(drift: Facts) -> str:
    n_run, n_champion = drift["n_images"]["run"], drift["n_images"]["champion"]
    if not drift["n_new"]:
        return (
            f"No image is new: all {whole(n_run)} are among the champion's {whole(n_champion)}, so "
            "that only the share of COVID-19 could be compared."
        )
    if not drift["n_shared"]:
        return f"All {whole(n_run)} images are new."
    return (
        f"Of {whole(n_run)} images {whole(drift['n_new'])} are new, {whole(drift['n_shared'])} are "
        "the champion's too."
    )
