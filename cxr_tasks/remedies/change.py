"""What a remedy has changed: paired on the same images, resampled by groups."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr_tasks.remedies.change_sentences import describe_change
from cxr_tasks.remedies.remedies_record import ControlChange, RemedyChange, VariantChange
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.statistics.resampling import (
    auc_of,
    estimate,
    estimate_auc,
    excess_share,
    group_resamples,
)
from cxr_tasks.statistics.scores import FloatArray, IntArray, ScoredImages
from cxr_tasks.statistics.significance import auc_difference

RULE = (
    "Useful: a control that was above chance is so no more (labels permuted by group, p < 0.01 "
    "after Holm's correction), its AUC has fallen (the 95 % interval of the fall, paired and "
    "bootstrapped over groups, lies above 0), and the interval of the model's AUC on the images "
    "made anew lies above 0.5. A control whose columns the remedy makes the same for all images "
    "does not count. What survives: (AUC - 0.5) afterwards as a share of that before, on "
    "the same images. It may still be another shortcut."
)


@dataclass(frozen=True)
class TwiceScored:
    """Images that were scored before and after."""

    labels: IntArray  # shape (n,)
    groups: IntArray  # shape (n,); those of the first run
    first: FloatArray  # shape (n,)
    after: FloatArray  # shape (n,)


@dataclass(frozen=True)
class ToldTwice:
    """A control that was above chance at first, asked again."""

    title: str
    scored: TwiceScored
    above_chance_after: bool
    # whether the remedy makes what it sees the same for all images: that it falls silent then says
    # nothing about the pictures
    made_equal: bool = False


def judge(
    controls: Mapping[str, ToldTwice],
    variants: Mapping[str, tuple[str, TwiceScored]],
    *,
    judged: str | None,
    newly_above_chance: list[str],
    seed: int,
) -> RemedyChange:
    """Compare controls and variants before and after, and judge whether a remedy is useful.

    Args:
        controls: Those that were above chance.
        variants: Title and scores of each.
        judged: The variant that the judgement is about; None where it is not among them.
        newly_above_chance: Titles of controls that are above chance only now.
        seed: Decides the resamples.
    """
    of_controls = {name: _control_change(each, seed=seed) for name, each in controls.items()}
    of_variants = {
        name: variant_change(scored, title=title, seed=seed)
        for name, (title, scored) in variants.items()
    }
    model = of_variants.get(judged or "")
    settled = [each for each in of_controls.values() if each.settled]
    useful = bool(settled) and model is not None and model.above_chance_after
    return RemedyChange(
        controls=of_controls,
        variants=of_variants,
        newly_above_chance=newly_above_chance,
        judged=judged if model else None,
        useful=useful,
        sentence=describe_change(
            list(of_controls.values()), model, newly_above_chance, useful=useful
        ),
    )


def variant_change(scored: TwiceScored, *, title: str, seed: int) -> VariantChange:
    """Compare a variant's scores before and after; both classes have to be there."""
    resamples = group_resamples(scored.labels, scored.groups, seed=seed)
    first = estimate_auc(scored.labels, scored.first, resamples)
    after = estimate_auc(scored.labels, scored.after, resamples)
    share = excess_share(auc_of(scored.labels, scored.after), auc_of(scored.labels, scored.first))
    return VariantChange(
        title=title,
        n_images=len(scored.labels),
        n_groups=len(np.unique(scored.groups)),
        first=first,
        after=after,
        survived_fraction=estimate(share, resamples) if _is_above_chance(first) else None,
        above_chance_after=_is_above_chance(after),
    )


def _control_change(told: ToldTwice, *, seed: int) -> ControlChange:
    scored = told.scored
    resamples = group_resamples(scored.labels, scored.groups, seed=seed)
    of_first = ScoredImages(scored.labels, scored.first, scored.groups)
    fall = auc_difference(of_first, scored.after, resamples)
    has_fallen = fall.interval is not None and fall.interval[0] > 0
    return ControlChange(
        title=told.title,
        first=estimate_auc(scored.labels, scored.first, resamples),
        after=estimate_auc(scored.labels, scored.after, resamples),
        fall=fall,
        above_chance_after=told.above_chance_after,
        settled=has_fallen and not told.above_chance_after and not told.made_equal,
        made_equal=told.made_equal,
    )


def _is_above_chance(area: Estimate) -> bool:
    return area.interval is not None and area.interval[0] > 0.5
