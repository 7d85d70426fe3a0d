"""How often the audit raised an alarm, counted over data sets and laid out as tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from bench.planted import KINDS
from bench.results import markdown_table
from cxr_tasks.audit.control_tests import CONTROLS


def rate(name: str, told: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Count how often the audit was right about a kind.

    Args:
        name: Of the kind.
        told: For each data set, the checks that gave a finding.
    """
    named = KINDS[name].named
    n_alarms = sum(bool(set(checks) & set(named)) if named else bool(checks) for checks in told)
    return {
        "n_sets": len(told),
        "n_alarms": n_alarms,
        "rate": n_alarms / len(told),
        "interval": clopper_pearson(n_alarms, len(told)),
        "checks": dict(Counter(check for checks in told for check in checks).most_common()),
    }


def clopper_pearson(n: int, n_all: int) -> list[float]:
    """Return the 95 % interval of a proportion (1934, doi 10.1093/biomet/26.4.404)."""
    interval = binomtest(n, n_all).proportion_ci(method="exact")
    return [float(interval.low), float(interval.high)]


def control_scores(aucs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the mean and the middle 95 % of each control's AUC over data sets."""
    table = pd.DataFrame(list(aucs))
    return {
        str(name): {
            "mean": float(column.mean()),
            "low": float(column.quantile(0.025)),
            "high": float(column.quantile(0.975)),
        }
        for name, column in table.items()
    }


def as_table(results: Mapping[str, Any]) -> str:
    """Lay the rates out as Markdown."""
    rows = [
        (
            KINDS[name].title,
            f"{facts['n_alarms']} of {facts['n_sets']}",
            f"{facts['rate']:.1%}",
            "{:.1%} to {:.1%}".format(*facts["interval"]),
            ", ".join(f"{check} {n}" for check, n in facts["checks"].items()),
        )
        for name, facts in results["kinds"].items()
    ]
    return markdown_table(["planted", "found", "rate", "95 % interval", "findings by check"], rows)


def controls_table(results: Mapping[str, Any]) -> str:
    """Lay out what the controls score on clean data sets as Markdown."""
    rows = [
        (CONTROLS[name].title, f"{facts['mean']:.3f}", f"{facts['low']:.3f} to {facts['high']:.3f}")
        for name, facts in results["controls_on_clean"].items()
    ]
    return markdown_table(["control on clean phantoms", "mean AUC", "95 % of data sets"], rows)
