"""The verdict: whether a score is evidence of detecting disease, by a written rule."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxr_tasks.audit.finding import finding, gravest_first
from cxr_tasks.statistics.resampling import auc_of, estimate_auc, group_resamples
from cxr_tasks.statistics.scores import FloatArray, IntArray, ScoredImages
from cxr_tasks.statistics.significance import auc_difference
from cxr_tasks.variants import VARIANTS

Verdict = Literal["clean", "warning", "shortcut"]
Facts = dict[str, Any]

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
    audit: Facts | None,
    control_scores: pd.DataFrame | None,
    scored: Mapping[str, ScoredImages],
    rows: IntArray,
    *,
    about: str,
    seed: int,
) -> Facts:
    """Judge every variant against every control; the verdict is about one of them.

    Args:
        audit: The audit's record; None where it failed.
        control_scores: What each control says of each image of the data set; None likewise.
        scored: For each variant its scores of the basis.
        rows: Which rows of the data set these images are, shape (n,).
        about: The variant that the verdict is about.
        seed: Decides the resamples.
    """
    kind: Verdict = "warning"
    sentence, comparisons = NO_AUDIT, {}
    findings = [finding("audit", "warning", NO_AUDIT)]
    if audit is not None and control_scores is not None:
        of_basis = control_scores.iloc[rows]
        comparisons = {
            name: _compare(each, audit["controls"], of_basis, seed=seed)
            for name, each in scored.items()
        }
        compared = comparisons[about]
        kind = _kind(compared, audit)
        sentence = _SENTENCES[kind](VARIANTS[about].title, compared, audit)
        findings = gravest_first([*_shortcuts(about, compared), *audit["findings"]])
    return {
        "verdict": kind,
        "variant": about,
        "sentence": sentence,
        "findings": findings,
        "comparisons": comparisons,
        "rule": RULE,
    }


def _compare(
    scored: ScoredImages, controls: Facts, control_scores: pd.DataFrame, *, seed: int
) -> dict[str, Facts]:
    """Compare a variant with each control on the images that both have scored."""
    compared = {}
    for name, facts in controls.items():
        if facts["role"] != "control":
            continue
        known = control_scores[name].notna().to_numpy()
        labels = scored.labels[known]
        if len(np.unique(labels)) == 2:
            both = ScoredImages(labels, scored.scores[known], scored.groups[known])
            of_control = control_scores[name].to_numpy(np.float64)[known]
            compared[name] = _compare_one(both, of_control, facts, seed=seed)
    return compared


def _compare_one(scored: ScoredImages, of_control: FloatArray, facts: Facts, *, seed: int) -> Facts:
    resamples = group_resamples(scored.labels, scored.groups, seed=seed)
    model = estimate_auc(scored.labels, scored.scores, resamples)
    difference = auc_difference(scored, of_control, resamples)
    reach = difference["interval"]
    above_chance = model["interval"] is not None and model["interval"][0] > 0.5
    no_better = reach is not None and reach[1] < MARGIN
    return {
        "title": facts["title"],
        "model_auc": model["value"],
        "model_interval": model["interval"],
        "control_auc": float(auc_of(scored.labels, of_control)(np.ones((1, len(scored))))[0]),
        "difference": difference,
        "model_above_chance": above_chance,
        "control_above_chance": facts["above_chance"],
        "is_shortcut": above_chance and facts["above_chance"] and no_better,
    }


def _above_chance(audit: Facts) -> dict[str, Facts]:
    """Return the controls, and those alone, that predict the label above chance."""
    return {
        name: facts
        for name, facts in audit["controls"].items()
        if facts["role"] == "control" and facts["above_chance"]
    }


def _warnings(audit: Facts) -> list[Facts]:
    return [
        each
        for each in audit["findings"]
        if each["check"] in _WARNING_CHECKS and each["severity"] != "info"
    ]


def _kind(compared: Mapping[str, Facts], audit: Facts) -> Verdict:
    if any(each["is_shortcut"] for each in compared.values()):
        return "shortcut"
    return "warning" if _above_chance(audit) or _warnings(audit) else "clean"


def _shortcuts(variant: str, compared: Mapping[str, Facts]) -> list[Facts]:
    return [
        finding(
            "shortcut",
            "error",
            f"{VARIANTS[variant].title} (AUC {each['model_auc']:.3f}) is no better than "
            f"{each['title']} alone (AUC {each['control_auc']:.3f} on the same images).",
            value=each["difference"]["value"],
            interval=each["difference"]["interval"],
        )
        for each in compared.values()
        if each["is_shortcut"]
    ]


def _shortcut_sentence(title: str, compared: Mapping[str, Facts], _audit: Facts) -> str:
    found = [each for each in compared.values() if each["is_shortcut"]]
    best = max(found, key=lambda each: float(each["control_auc"]))
    others = [each["title"] for each in found if each is not best]
    also = f" The same holds for {' and '.join(others)}." if others else ""
    control = best["title"][0].upper() + best["title"][1:]
    return (
        f"This score is no evidence of detecting disease. {control} alone tells "
        f"the classes apart with AUC {best['control_auc']:.3f}; {title}, with AUC "
        f"{best['model_auc']:.3f} on the same images, is no better than that.{also}"
    )


def _warning_sentence(title: str, compared: Mapping[str, Facts], audit: Facts) -> str:
    sentences = ["Part of this score may not be about disease."]
    above = _above_chance(audit)
    if above:
        listed = " and ".join(f"{each['title']} (AUC {each['auc']:.3f})" for each in above.values())
        sentences.append(f"The label can be predicted by {listed} alone.")
        both = [compared[name] for name in above if name in compared]
        sentences += [_standing(title, both)] if both else []
    sentences += [each["message"] for each in _warnings(audit)[:2]]
    return " ".join(sentences)


def _standing(title: str, compared: list[Facts]) -> str:
    """Return whether the model is shown to be better than the controls above chance, in words."""
    model = f"{title} (AUC {compared[0]['model_auc']:.3f})"
    if not compared[0]["model_above_chance"]:
        return f"{model} is not above chance itself."
    behind = [each["title"] for each in compared if not _is_ahead(each["difference"])]
    if behind:
        return f"{model} is not shown to be better than {' or '.join(behind)}."
    return f"{model} is ahead of {'it' if len(compared) == 1 else 'them'}."


def _is_ahead(difference: Facts) -> bool:
    return difference["interval"] is not None and difference["interval"][0] > 0


def _clean_sentence(_title: str, _compared: Mapping[str, Facts], audit: Facts) -> str:
    asked = [facts for facts in audit["controls"].values() if facts["role"] == "control"]
    # an undefined interval excludes nothing
    reach = max((each["interval"] or [0.0, 1.0])[1] for each in asked)
    titles = ", ".join(each["title"].partition(" (")[0] for each in asked)
    return (
        f"None of the {len(asked)} controls ({titles}) predicts the label above chance, and no "
        "copy or known patient crosses the split. Not ruled out: shortcuts worth up to AUC "
        f"{reach:.2f} (the upper end of the controls' 95 % intervals), and those that these "
        "controls cannot see, such as devices in the chest."
    )


_SENTENCES = {
    "shortcut": _shortcut_sentence,
    "warning": _warning_sentence,
    "clean": _clean_sentence,
}
