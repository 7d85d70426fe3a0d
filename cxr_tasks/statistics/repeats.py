"""How far figures differ between repeats, where the images stay and the training's chance does not.

A bootstrap over patients says how far a figure would move with other images. It does not see what
another division into folds, other initial weights and another order of images would give.
"""

from collections.abc import Sequence

import numpy as np

from cxr_tasks.statistics.figures_record import RepeatMeasures, RepeatsFacts, Spread
from cxr_tasks.statistics.metrics import measure
from cxr_tasks.statistics.scores import ScoredImages


def describe_repeats(scored: ScoredImages) -> RepeatsFacts | None:
    """Measure each division into folds by itself; None where there is only one."""
    if scored.by_repeat is None or len(scored.by_repeat) < 2:
        return None
    measures = []
    for number, scores in enumerate(scored.by_repeat, start=1):
        measured = measure(scored.labels, scores)
        measures.append(RepeatMeasures(repeat=number, **measured.fields_of(RepeatMeasures)))
    return RepeatsFacts(
        measures=measures,
        roc_auc=spread_of([each.roc_auc for each in measures]),
        accuracy=spread_of([each.accuracy for each in measures]),
    )


def spread_of(values: Sequence[float | None]) -> Spread | None:
    """Return the spread of two or more values; None where there are fewer, or one is undefined."""
    known = [value for value in values if value is not None]
    if len(known) < max(2, len(values)):
        return None
    return Spread(n=len(known), sd=float(np.std(known, ddof=1)), least=min(known), most=max(known))
