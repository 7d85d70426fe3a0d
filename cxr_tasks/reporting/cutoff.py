"""What the section on a cut-off of one's own is made of: how many images lie above any cut-off."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.statistics.figures_record import RocCurve
from cxr_tasks.statistics.scores import FloatArray, IntArray
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import COVID, NORMAL

N_STEPS = 1000
"""Cut-offs are thousandths, for which the counts are exact; the scores themselves are not kept."""

_MAX_POINTS = 300


def cutoff_data(report: ReportFigures, predictions: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what `cutoff.js` reads: by variant and class, at which cut-offs images drop out.

    Args:
        report: The run's figures.
        predictions: Each variant's table of predictions.
    """
    prevalence = report.shown.statistics.predictive_values.prevalence
    variants = {}
    for name, table in predictions.items():
        of_basis = table[table["part"] == report.basis]
        scores, labels = of_basis["score"].to_numpy(), of_basis["label"].to_numpy()
        variants[name] = {
            "title": VARIANTS[name].title,
            "covid": _drops(scores[labels == COVID]),
            "normal": _drops(scores[labels == NORMAL]),
        }
    return {"steps": N_STEPS, "prevalence": prevalence, "variants": variants}


def roc_paths(report: ReportFigures) -> dict[str, str]:
    """Draw each variant's ROC curve as the data of an SVG path, 100 units wide and high.

    From the scores themselves: those of a weak model may all lie between two thousandths.
    """
    curves = {name: facts.measured[report.basis].roc for name, facts in report.trained.items()}
    return {name: _path(curve) for name, curve in curves.items() if curve is not None}


def _path(curve: RocCurve) -> str:
    places = np.linspace(0, len(curve.fpr) - 1, min(len(curve.fpr), _MAX_POINTS)).round()
    points = (
        f"{100 * curve.fpr[place]:.1f},{100 - 100 * curve.tpr[place]:.1f}"
        for place in places.astype(np.int64).tolist()
    )
    return f"M{'L'.join(points)}"


def _drops(scores: FloatArray) -> list[int]:
    """Count the scores whose highest cut-off is a given one: `step, n, step, n`, as distances."""
    cutoffs = np.arange(N_STEPS + 1) / N_STEPS
    last: IntArray = np.searchsorted(cutoffs, scores, side="right") - 1
    steps, counts = np.unique(last, return_counts=True)
    return np.column_stack([np.diff(steps, prepend=0), counts]).ravel().tolist()
