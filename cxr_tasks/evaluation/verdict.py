"""The verdict: whether a score is evidence of detecting disease, by a written rule."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxr_tasks.audit.finding import finding, gravest_first
from cxr_tasks.statistics.resampling import auc_interval, auc_of, group_resamples
from cxr_tasks.statistics.scored import IntArray, Scored
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
    scored: Mapping[str, Scored],
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
    if audit is None or control_scores is None:
        missing = finding("audit", "warning", NO_AUDIT)
        return _verdict("warning", about, NO_AUDIT, [missing], {})
    of_basis = control_scores.iloc[rows].reset_index(drop=True)
    comparisons = {
        name: _compare(each, audit["controls"], of_basis, seed=seed)
        for name, each in scored.items()
    }
    found = comparisons[about]
    kind = _kind(found, audit)
    sentence = _SENTENCES[kind](VARIANTS[about].title, found, audit)
    findings = gravest_first([*_shortcuts(about, found), *audit["findings"]])
    return _verdict(kind, about, sentence, findings, comparisons)


def _verdict(
    kind: Verdict, variant: str, sentence: str, findings: list[Facts], comparisons: Facts
) -> Facts:
    return {
        "verdict": kind,
        "variant": variant,
        "sentence": sentence,
        "findings": findings,
        "comparisons": comparisons,
        "rule": RULE,
    }


def _compare(
    scored: Scored, controls: Facts, control_scores: pd.DataFrame, *, seed: int
) -> dict[str, Facts]:
    """Compare a variant with each control on the images that both have scored."""
    compared = {}
    for name, facts in controls.items():
        if facts["role"] != "control":
            continue
        known = np.flatnonzero(control_scores[name].notna().to_numpy())
        both = _subset(scored, known)
        if len(np.unique(both.labels)) < 2:
            continue
        theirs = control_scores[name].to_numpy(np.float64)[known]
        compared[name] = _compare_one(both, theirs, facts, seed=seed)
    return compared


def _compare_one(scored: Scored, theirs: Any, facts: Facts, *, seed: int) -> Facts:
    resamples = group_resamples(scored.labels, scored.groups, seed=seed)
    everyone = np.ones((1, len(scored)))
    model_interval = auc_interval(scored.labels, scored.scores, resamples)
    difference = auc_difference(scored, theirs, resamples)
    above_chance = model_interval is not None and model_interval[0] > 0.5
    reach = difference["interval"]
    no_better = isinstance(reach, list) and reach[1] < MARGIN
    return {
        "title": facts["title"],
        "model_auc": float(auc_of(scored.labels, scored.scores)(everyone)[0]),
        "model_interval": model_interval,
        "control_auc": float(auc_of(scored.labels, theirs)(everyone)[0]),
        "difference": difference,
        "model_above_chance": above_chance,
        "control_above_chance": facts["above_chance"],
        "is_shortcut": above_chance and facts["above_chance"] and no_better,
    }


def _subset(scored: Scored, places: IntArray) -> Scored:
    return Scored(
        scored.labels[places], scored.scores[places], scored.groups[places], scored.folds[places]
    )


def _kind(compared: Mapping[str, Facts], audit: Facts) -> Verdict:
    if any(each["is_shortcut"] for each in compared.values()):
        return "shortcut"
    control = any(
        facts["role"] == "control" and facts["above_chance"] for facts in audit["controls"].values()
    )
    checked = any(
        each["check"] in _WARNING_CHECKS and each["severity"] != "info"
        for each in audit["findings"]
    )
    return "warning" if control or checked else "clean"


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
    return (
        f"This score is no evidence of detecting disease. {_capital(best['title'])} alone tells "
        f"the classes apart with AUC {best['control_auc']:.3f}; {title}, with AUC "
        f"{best['model_auc']:.3f} on the same images, is no better than that.{also}"
    )


def _warning_sentence(title: str, compared: Mapping[str, Facts], audit: Facts) -> str:
    above = {
        name: facts
        for name, facts in audit["controls"].items()
        if facts["role"] == "control" and facts["above_chance"]
    }
    told = ["Part of this score may not be about disease."]
    if above:
        listed = " and ".join(
            f"{facts['title']} (AUC {facts['auc']:.3f})" for facts in above.values()
        )
        told += [
            f"The label can be predicted by {listed} alone.",
            *_standing(title, above, compared),
        ]
    checks = [
        each["message"]
        for each in audit["findings"]
        if each["check"] in _WARNING_CHECKS and each["severity"] != "info"
    ]
    return " ".join([*told, *checks[:2]])


def _standing(title: str, above: Mapping[str, Facts], compared: Mapping[str, Facts]) -> list[str]:
    """Say whether the model is shown to be better than the controls above chance."""
    both = [compared[name] for name in above if name in compared]
    if not both:
        return []
    model = f"{title} (AUC {both[0]['model_auc']:.3f})"
    if not both[0]["model_above_chance"]:
        return [f"{model} is not above chance itself."]
    behind = [each["title"] for each in both if not _is_ahead(each["difference"])]
    if behind:
        return [f"{model} is not shown to be better than {' or '.join(behind)}."]
    return [f"{model} is ahead of {'it' if len(both) == 1 else 'them'}."]


def _is_ahead(difference: Facts) -> bool:
    reach = difference["interval"]
    return isinstance(reach, list) and reach[0] > 0


def _clean_sentence(_title: str, _compared: Mapping[str, Facts], audit: Facts) -> str:
    asked = [facts for facts in audit["controls"].values() if facts["role"] == "control"]
    # an undefined interval excludes nothing
    reach = max((each["interval"] or [0.0, 1.0])[1] for each in asked)
    titles = ", ".join(each["title"] for each in asked)
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


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
