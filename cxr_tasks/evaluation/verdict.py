"""The verdict: whether a score is evidence of detecting disease, by a written rule."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit_record import (
    AuditFacts,
    ControlFacts,
    FindingFacts,
    finding,
    gravest_first,
)
from cxr_tasks.evaluation.verdict_record import ControlComparison, VerdictFacts, VerdictName
from cxr_tasks.evaluation.verdict_sentences import (
    EXCLUDED_AUC,
    clean_sentence,
    shortcut_sentence,
    warning_sentence,
)
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
from cxr_tasks.variants import VARIANTS

MARGIN = 0.02
RULE = (
    "Shortcut: the model is above chance, a control of what an image can show is above chance "
    "(labels permuted by group, p < 0.01 after Holm's correction), and the upper end of the 95 % "
    "interval of (model AUC - control AUC), paired and bootstrapped over groups, is below "
    f"{MARGIN}. Warning: a control is above chance but not that near the model, or of what no "
    "image shows; or copies or patients cross the split, or copies the labels; or a source holds "
    "one class only; or no lungs were found in more than a tenth of a class; or the controls could "
    "not be asked, or tell permuted labels. Clean: none of these."
)
_WARNING_CHECKS = (
    "duplicates_across_labels",
    "duplicates_across_split",
    "patients_across_split",
    "one_class_sources",
    "lungs",
    "controls",
    "permuted_labels",
)
NO_AUDIT = "The audit has failed, so nothing is known about shortcuts."


def make_verdict(
    audit: AuditFacts | None,
    control_scores: pd.DataFrame | None,
    scored: Mapping[str, ScoredImages],
    rows: IntArray,
    *,
    about: str,
    seed: int,
) -> VerdictFacts:
    """Judge every variant against every control; the verdict is about one of them.

    Args:
        audit: None where it failed.
        control_scores: What each control says of each image of the data set; None likewise.
        scored: For each variant its scores of the basis.
        rows: Which rows of the data set these images are, shape (n,).
        about: The variant that the verdict is about.
        seed: Decides the resamples.
    """
    if audit is None or control_scores is None:
        return VerdictFacts(
            verdict="warning",
            variant=about,
            sentence=NO_AUDIT,
            findings=[finding("audit", "warning", NO_AUDIT)],
            comparisons={},
            rule=RULE,
        )
    controls = {name: each for name, each in audit.controls.items() if each.role == "control"}
    of_basis = control_scores.iloc[rows]
    comparisons = {
        name: compare_controls(each, controls, of_basis, seed=seed) for name, each in scored.items()
    }
    compared, title = comparisons[about], VARIANTS[about].title
    shortcuts = [each for each in compared.values() if each.is_shortcut]
    above = {name: each for name, each in controls.items() if each.above_chance}
    warnings = [
        each for each in audit.findings if each.check in _WARNING_CHECKS and each.severity != "info"
    ]
    kind: VerdictName = "clean"
    to_exclude = None
    if shortcuts:
        kind, sentence = "shortcut", shortcut_sentence(title, shortcuts)
    elif above or warnings:
        kind, sentence = "warning", warning_sentence(title, compared, above, warnings)
    else:
        to_exclude = images_to_exclude(list(controls.values()), n_images=audit.n_images)
        sentence = clean_sentence(
            list(controls.values()), n_images=audit.n_images, n_images_to_exclude=to_exclude
        )
    return VerdictFacts(
        verdict=kind,
        variant=about,
        sentence=sentence,
        findings=gravest_first([*_shortcut_findings(title, shortcuts), *audit.findings]),
        n_images_to_exclude=to_exclude,
        comparisons=comparisons,
        rule=RULE,
    )


def compare_controls(
    scored: ScoredImages,
    controls: Mapping[str, ControlFacts],
    control_scores: pd.DataFrame,
    *,
    seed: int,
) -> dict[str, ControlComparison]:
    """Compare a variant with each control on the images that both have scored."""
    compared = {}
    for name, facts in controls.items():
        known = control_scores[name].notna().to_numpy()
        labels = scored.labels[known]
        if len(np.unique(labels)) == 2:
            both = ScoredImages(labels, scored.scores[known], scored.groups[known])
            of_control = control_scores[name].to_numpy(np.float64)[known]
            compared[name] = _compare_one(both, of_control, facts, seed=seed)
    return compared


def _compare_one(
    scored: ScoredImages, of_control: FloatArray, facts: ControlFacts, *, seed: int
) -> ControlComparison:
    resamples = group_resamples(scored.labels, scored.groups, seed=seed)
    model = estimate_auc(scored.labels, scored.scores, resamples)
    difference = auc_difference(scored, of_control, resamples)
    reached = excess_share(auc_of(scored.labels, of_control), auc_of(scored.labels, scored.scores))
    above_chance = model.interval is not None and model.interval[0] > 0.5
    no_better = difference.interval is not None and difference.interval[1] < MARGIN
    return ControlComparison(
        title=facts.title,
        model_auc=_area(scored.labels, scored.scores),
        model_interval=model.interval,
        control_auc=_area(scored.labels, of_control),
        difference=difference,
        reached_fraction=estimate(reached, resamples) if above_chance else None,
        n_images_to_tell=images_to_tell(difference, n_images=len(scored)),
        model_above_chance=above_chance,
        control_above_chance=facts.above_chance,
        is_shortcut=above_chance and facts.above_chance and facts.in_picture and no_better,
    )


def images_to_tell(difference: Estimate, *, n_images: int) -> int | None:
    """Estimate how many images would tell whether a model is ahead of a control.

    An interval's half width falls with the square root of the number of images. Told is that the
    model is ahead, or that it is no better by `MARGIN`; which of the two, the present difference
    makes likelier.

    Args:
        difference: Of the areas under the ROC curve, model minus control.
        n_images: How many gave it.

    Returns:
        None where it is told already, or where nothing can be said.
    """
    if difference.value is None or difference.interval is None:
        return None
    low, high = difference.interval
    if low > 0 or high < MARGIN:
        return None
    distance = max(difference.value, MARGIN - difference.value)
    return _as_many(n_images * ((high - low) / 2 / distance) ** 2)


def images_to_exclude(controls: Sequence[ControlFacts], *, n_images: int) -> int | None:
    """Estimate how many images would show each control, if at chance, to be below `EXCLUDED_AUC`.

    Returns:
        None where they do already, or where an interval is undefined.
    """
    half_widths = [(high - low) / 2 for low, high in (each.interval or (0, 1) for each in controls)]
    if (
        not half_widths
        or max(each.interval[1] if each.interval else 1 for each in controls) < EXCLUDED_AUC
    ):
        return None
    return _as_many(n_images * (max(half_widths) / (EXCLUDED_AUC - 0.5)) ** 2)


def _as_many(n_images: float) -> int:
    """Round up to two digits: it is an estimate."""
    unit: int = 10 ** max(0, math.floor(math.log10(max(1.0, n_images))) - 1)
    return math.ceil(n_images / unit) * unit


def _area(labels: IntArray, scores: FloatArray) -> float:
    return float(auc_of(labels, scores)(np.ones((1, len(labels))))[0])


def _shortcut_findings(title: str, shortcuts: list[ControlComparison]) -> list[FindingFacts]:
    return [
        finding(
            "shortcut",
            "error",
            f"{title} (AUC {each.model_auc:.3f}) is no better than {each.title} alone "
            f"(AUC {each.control_auc:.3f} on the same images).",
            value=each.difference.value,
            interval=each.difference.interval,
        )
        for each in shortcuts
    ]
