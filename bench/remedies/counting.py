"""What remedies did, averaged over data sets and laid out as tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.alarms import clopper_pearson
from bench.real.shortcuts import SHORTCUTS
from bench.remedies.seen import NONE, NOTHING, PLANTED, REMEDIES
from bench.remedies.trials import WEAK, Clean, Trial
from bench.results import markdown_table


def count(trials: Sequence[Trial], cleans: Sequence[Clean]) -> dict[str, Any]:
    """Average scores, and count how often a remedy is called useful.

    `recovered` is the remedied score's excess over chance as a share of that without shortcut;
    `shortcut_left` is what the shortcut still adds to the score under the remedy, as a share of
    what it adds without.
    """
    clean = {way: _mean([each.auc for each in cleans if each.way == way]) for way in _WAYS}
    alarms = {way: sum(each.told for each in cleans if each.way == way) for way in _WAYS}
    return {
        "clean": {
            way: {
                "auc": clean[way],
                "disease_kept": _share(clean[way], clean[NONE]),
                "n_alarms": alarms[way],
            }
            for way in _WAYS
        },
        "planted": {
            f"{name}-{round(100 * fraction)}": {
                remedy: _count_one(
                    [
                        each
                        for each in trials
                        if (each.shortcut, each.remedy, each.fraction) == (name, remedy, fraction)
                    ],
                    clean,
                    remedy,
                )
                for remedy in remedies
            }
            for name in PLANTED
            for fraction, remedies in ((1.0, (*REMEDIES, NOTHING)), (WEAK, (NOTHING,)))
        },
    }


_WAYS = (NONE, *REMEDIES)


def _count_one(trials: Sequence[Trial], clean: dict[str, float], remedy: str) -> dict[str, Any]:
    first = _mean([each.first_auc for each in trials])
    after = _mean([each.after_auc for each in trials])
    n, n_useful = len(trials), sum(each.useful for each in trials)
    added = first - clean[NONE]
    left = after - clean.get(remedy, clean[NONE])
    return {
        "n": n,
        "first_auc": first,
        "after_auc": after,
        "recovered": _share(after, clean[NONE]),
        "shortcut_left": left / added if added > 0.01 else None,
        "n_told": sum(each.told for each in trials),
        "n_tells": sum(each.tells for each in trials),
        "n_useful": n_useful,
        "useful_interval": clopper_pearson(n_useful, n),
    }


def _share(auc: float, of: float) -> float | None:
    return (auc - 0.5) / (of - 0.5) if of > 0.51 else None


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def as_tables(results: dict[str, Any]) -> str:
    """Lay out clean scores, planted shortcuts by remedy, and the remedy that does nothing."""
    clean = [
        (way, f"{facts['auc']:.3f}", _percent(facts["disease_kept"]), str(facts["n_alarms"]))
        for way, facts in results["clean"].items()
    ]
    header = ["no shortcut", "AUC", "disease kept", f"false alarms of {results['n_sets']}"]
    return "\n\n".join([markdown_table(header, clean), _planted(results), _nothing(results)])


def _planted(results: dict[str, Any]) -> str:
    rows = []
    for name in PLANTED:
        of = results["planted"][f"{name}-100"]
        told = [
            f"{of[way]['after_auc']:.2f} {_percent(of[way]['recovered'])} "
            f"{_percent(of[way]['shortcut_left'])} {of[way]['n_useful']}"
            for way in REMEDIES
        ]
        rows.append((SHORTCUTS[name].title, f"{of['lungs']['first_auc']:.2f}", *told))
    header = ["AUC, recovered, shortcut left, useful", "first", *REMEDIES]
    return markdown_table(header, rows)


def _nothing(results: dict[str, Any]) -> str:
    rows = []
    for key, of in results["planted"].items():
        facts = of[NOTHING]
        low, high = facts["useful_interval"]
        told = f"{facts['n_useful']} of {facts['n']}"
        rows.append((key, str(facts["n_told"]), told, f"{low:.1%} to {high:.1%}"))
    header = ["a remedy that does nothing", "told", "called useful", "95 % interval"]
    return markdown_table(header, rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
