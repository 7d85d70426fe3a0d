"""The verdict: whether a score is evidence of detecting disease, by a written rule."""

from collections.abc import Mapping

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
from cxr_tasks.statistics.resampling import auc_of, estimate_auc, group_resamples
from cxr_tasks.statistics.scores import FloatArray, IntArray, ScoredImages
from cxr_tasks.statistics.significance import auc_difference
from cxr_tasks.variants import VARIANTS

MARGIN = 0.02
RULE = (
    "Shortcut: the model is above chance, a control is above chance (labels permuted by group, "
    "p < 0.01 after Holm's correction), and the upper end of the 95 % interval of (model AUC - "
    f"control AUC), paired and bootstrapped over groups, is below {MARGIN}. Warning: a control is "
    "above chance but behind the model, or copies or patients cross the split or the labels, or "
    "the sources hold one class each, or the audit is missing. Clean: none of these."
)
_WARNING_CHECKS = (
    "duplicates_across_labels",
    "duplicates_across_split",
    "patients_across_split",
    "one_class_sources",
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
        name: _compare(each, controls, of_basis, seed=seed) for name, each in scored.items()
    }
    compared, title = comparisons[about], VARIANTS[about].title
    shortcuts = [each for each in compared.values() if each.is_shortcut]
    above = {name: each for name, each in controls.items() if each.above_chance}
    warnings = [
        each for each in audit.findings if each.check in _WARNING_CHECKS and each.severity != "info"
    ]
    kind: VerdictName = "clean"
    if shortcuts:
        kind, sentence = "shortcut", _shortcut_sentence(title, shortcuts)
    elif above or warnings:
        kind, sentence = "warning", _warning_sentence(title, compared, above, warnings)
    else:
        sentence = _clean_sentence(list(controls.values()))
    return VerdictFacts(
        verdict=kind,
        variant=about,
        sentence=sentence,
        findings=gravest_first([*_shortcut_findings(title, shortcuts), *audit.findings]),
        comparisons=comparisons,
        rule=RULE,
    )


def _compare(
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
    above_chance = model.interval is not None and model.interval[0] > 0.5
    no_better = difference.interval is not None and difference.interval[1] < MARGIN
    return ControlComparison(
        title=facts.title,
        model_auc=_area(scored.labels, scored.scores),
        model_interval=model.interval,
        control_auc=_area(scored.labels, of_control),
        difference=difference,
        model_above_chance=above_chance,
        control_above_chance=facts.above_chance,
        is_shortcut=above_chance and facts.above_chance and no_better,
    )


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


def _shortcut_sentence(title: str, shortcuts: list[ControlComparison]) -> str:
    best = max(shortcuts, key=lambda each: each.control_auc)
    others = " and ".join(each.title for each in shortcuts if each is not best)
    also = f" The same holds for {others}." if others else ""
    return (
        f"This score is no evidence of detecting disease. {best.title[0].upper()}{best.title[1:]} "
        f"alone tells the classes apart with AUC {best.control_auc:.3f}; {title}, with AUC "
        f"{best.model_auc:.3f} on the same images, is no better than that.{also}"
    )


def _warning_sentence(
    title: str,
    compared: Mapping[str, ControlComparison],
    above: Mapping[str, ControlFacts],
    warnings: list[FindingFacts],
) -> str:
    sentences = ["Part of this score may not be about disease."]
    if above:
        listed = " and ".join(f"{each.title} (AUC {each.auc:.3f})" for each in above.values())
        sentences.append(f"The label can be predicted by {listed} alone.")
        both = [compared[name] for name in above if name in compared]
        sentences += [_standing(title, both)] if both else []
    return " ".join([*sentences, *(each.message for each in warnings[:2])])


def _standing(title: str, compared: list[ControlComparison]) -> str:
    """Return whether the model is shown to be better than the controls above chance, in words."""
    model = f"{title} (AUC {compared[0].model_auc:.3f})"
    if not compared[0].model_above_chance:
        return f"{model} is not above chance itself."
    behind = [each.title for each in compared if (each.difference.interval or [0])[0] <= 0]
    if behind:
        return f"{model} is not shown to be better than {' or '.join(behind)}."
    return f"{model} is ahead of {'it' if len(compared) == 1 else 'them'}."


def _clean_sentence(asked: list[ControlFacts]) -> str:
    # an undefined interval excludes nothing
    reach = max((each.interval or [0.0, 1.0])[1] for each in asked)
    titles = ", ".join(each.title.partition(" (")[0] for each in asked)
    return (
        f"None of the {len(asked)} controls ({titles}) predicts the label above chance, and no "
        "copy or known patient crosses the split. Not ruled out: shortcuts worth up to AUC "
        f"{reach:.2f} (the upper end of the controls' 95 % intervals), and those that these "
        "controls cannot see, such as devices in the chest."
    )
