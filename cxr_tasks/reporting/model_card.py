"""The model card of the recommended variant: what it is for, what it is not for, what is known.

After Mitchell et al. 2019, doi 10.1145/3287560.3287596.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr_tasks.reporting.wording import PART_NAMES, decimal, decimals, percent, spread, whole

Report = Mapping[str, Any]

NEVER_SCORED = (
    "This very model was never scored. It was fitted once more after the folds, on other images "
    "than any of them; the figures are of {n} models that were trained in the same way."
)
_RATES = ("accuracy", "sensitivity", "specificity", "precision")
_NUMBERS = {"roc_auc": "ROC AUC", "average_precision": "average precision", "brier": "Brier score"}


@dataclass(frozen=True)
class CardSection:
    """A heading with its lines, each a sentence or `name: value`."""

    title: str
    lines: tuple[str, ...]


def model_card(report: Report) -> list[CardSection]:
    """Write the card from the facts of a report; every number in it stands there.

    Args:
        report: As `report_facts` gives them.
    """
    chosen = report["variants"][report["recommendation"]["variant"]]
    return [
        CardSection("Model", _model(report, chosen)),
        CardSection("Intended use", _INTENDED),
        CardSection("Not intended", _NOT_INTENDED),
        CardSection("Data", _data(report)),
        CardSection("Figures", _figures(report, chosen)),
        CardSection("Decision", _decision(chosen)),
        CardSection("What the audit found", _findings(report)),
        CardSection("Limits", _limits(report)),
        CardSection("Provenance", _provenance(report)),
    ]


_INTENDED = (
    (
        "Comparing ways to train image classifiers on this data set; teaching; a starting point "
        "for research that tests it on data of its own."
    ),
)
_NOT_INTENDED = (
    "Any decision about a patient: this is research software, not a medical device.",
    (
        "Images from other hospitals, devices, views or ages than those it was trained on, unless "
        "they are tested first."
    ),
    "Telling COVID-19 from other diseases: it knows COVID-19 and normal only.",
)


def _model(report: Report, chosen: Mapping[str, Any]) -> tuple[str, ...]:
    name = report["recommendation"]["variant"]
    told = [
        (
            f"{chosen['title']} ({name}), {whole(chosen['n_parameters'])} parameters; "
            "image 224 x 224 x 3 in, probability of COVID-19 out."
        ),
        f"Chosen by this rule: {report['recommendation']['reason']}",
        (
            f"Training: learning rate {chosen['learning_rate']:g}, {chosen['epochs_run']} epochs, "
            f"{chosen['n_train']} images; {chosen['device']}."
        ),
    ]
    if report["folds"]:
        told.append(NEVER_SCORED.format(n=len(chosen["folds"])))
    return tuple(told)


def _data(report: Report) -> tuple[str, ...]:
    data = report["data"]
    told = [f"{data['description']}: {whole(data['n_images'])} images."]
    if data["synthetic"]:
        told.append("Synthetic: every image was drawn by the project; no number is about patients.")
    for title, key in (("COVID-19", "covid"), ("normal", "normal")):
        facts = data["classes"][key]
        told.append(
            f"{title}: {whole(facts['n_images'])} images; the patient is known for "
            f"{percent(facts['known_patient_fraction'])} of them."
        )
    return tuple(told)


def _figures(report: Report, chosen: Mapping[str, Any]) -> tuple[str, ...]:
    headline = chosen["headline"]
    rates = [
        f"{name}: {percent(headline[name]['value'])} ({spread(headline[name]['interval'])})"
        for name in _RATES
    ]
    numbers = [
        f"{title}: {decimal(headline[name]['value'])} ({decimals(headline[name]['interval'])})"
        for name, title in _NUMBERS.items()
    ]
    basis = (
        f"On {whole(headline['n_images'])} {PART_NAMES[report['basis']]} images, with 95 % "
        "intervals by a bootstrap over patients and groups."
    )
    return (basis, *rates, *numbers, *_external_figures(report))


def _external_figures(report: Report) -> tuple[str, ...]:
    external = report["external"]
    measured = external and external["variants"].get(report["recommendation"]["variant"])
    if not measured:
        return ("No external test: nothing is known of images from elsewhere.",)
    auc = measured["metrics"]["roc_auc"]
    return (
        (
            f"External test, {whole(external['n_images'])} images of {external['description']}: "
            f"ROC AUC {decimal(auc['value'])} ({decimals(auc['interval'])})."
        ),
    )


def _decision(chosen: Mapping[str, Any]) -> tuple[str, ...]:
    fixed = chosen["fixed"]
    if fixed is None:
        return ("Cut-off 0.5. No other was fixed: no images were left to fix one on.",)
    point = chosen["statistics"]["operating_point"]
    found = point["sensitivity"]
    return (
        "Cut-off 0.5 for the figures above.",
        (
            f"Cut-off {decimal(fixed['cutoff'])} for a sensitivity of at least "
            f"{percent(point['min_sensitivity'])} on the images that fixed it; elsewhere it "
            f"reached {percent(found['value'])} ({spread(found['interval'])}) at a specificity of "
            f"{percent(point['specificity']['value'])}."
        ),
        f"Temperature {decimal(fixed['temperature'])} makes its probabilities fit better.",
    )


def _findings(report: Report) -> tuple[str, ...]:
    audit = report["audit"]
    findings = tuple(f"{each['severity']}: {each['message']}" for each in audit["findings"])
    return (f"Verdict: {audit['verdict']}. {audit['sentence']}", *findings)


def _limits(report: Report) -> tuple[str, ...]:
    told = [banner["text"] for banner in report["banners"]]
    told.append("One data set, one way to divide it, one seed: another may give other figures.")
    told.append("The label is that of the folder; nobody has checked it.")
    return tuple(told)


def _provenance(report: Report) -> tuple[str, ...]:
    digests = tuple(
        f"{name}: {digest}"
        for name, digest in report["hashes"].items()
        if "/" not in name or name.startswith(f"{report['recommendation']['variant']}/")
    )
    return (f"Run {report['run_key']}. Command: {report['reproduce']}", *digests)
