"""False alarms and finds counted over data sets, and laid out as tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.alarms import clopper_pearson, control_scores
from bench.real.audited import Audited
from bench.real.sets import FRACTIONS, kinds
from bench.results import markdown_table
from cxr_tasks.audit.control_tests import CONTROLS


def count(audited: Mapping[str, Sequence[Audited]]) -> dict[str, Any]:
    """Count for each kind the sets with a finding, and those condemned as a shortcut."""
    return {
        "kinds": {name: _count_kind(found) for name, found in audited.items()},
        "controls": {
            name: control_scores([each.aucs for each in found]) for name, found in audited.items()
        },
    }


def _count_kind(found: Sequence[Audited]) -> dict[str, Any]:
    n_alarms = sum(bool(each.checks) for each in found)
    return {
        "n_sets": len(found),
        "n_alarms": n_alarms,
        "rate": n_alarms / len(found),
        "interval": clopper_pearson(n_alarms, len(found)),
        "n_shortcut": sum(bool(each.shortcuts) for each in found),
        "checks": dict(Counter(check for each in found for check in each.checks).most_common()),
    }


def as_tables(results: Mapping[str, Any]) -> str:
    """Lay out false alarms, power by fraction, and what the controls score on clean sets."""
    return "\n\n".join([_false_alarms(results), _power(results), _controls(results)])


def _false_alarms(results: Mapping[str, Any]) -> str:
    rows = []
    for name, kind in kinds().items():
        if kind.is_clean:
            facts = results["kinds"][name]
            checks = ", ".join(f"{check} {n}" for check, n in facts["checks"].items())
            rows.append((kind.title, *_told(facts), str(facts["n_shortcut"]), checks))
    header = ["clean sets", "false alarms", "95 % interval", "condemned", "by check"]
    return markdown_table(header, rows)


def _power(results: Mapping[str, Any]) -> str:
    rows: dict[str, list[str]] = {}
    for name, kind in kinds().items():
        if not kind.is_clean:
            facts = results["kinds"][name]
            told = f"{facts['n_alarms']} ({facts['n_shortcut']})"
            rows.setdefault(kind.title, []).append(told)
    header = [f"found, of {results['n_sets']} (condemned)", *(f"{each:.0%}" for each in FRACTIONS)]
    return markdown_table(header, [(title, *told) for title, told in rows.items()])


def _controls(results: Mapping[str, Any]) -> str:
    clean = [name for name, kind in kinds().items() if kind.is_clean]
    names = [name for name in CONTROLS if name in results["controls"][clean[0]]]
    rows = [
        (CONTROLS[name].title, *(_range(results["controls"][of][name]) for of in clean))
        for name in names
    ]
    return markdown_table(["control, mean AUC (95 % of sets)", *clean], rows)


def _told(facts: Mapping[str, Any]) -> tuple[str, str]:
    low, high = facts["interval"]
    return f"{facts['n_alarms']} of {facts['n_sets']}", f"{low:.1%} to {high:.1%}"


def _range(facts: Mapping[str, float]) -> str:
    return f"{facts['mean']:.2f} ({facts['low']:.2f} to {facts['high']:.2f})"
