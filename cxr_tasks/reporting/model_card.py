"""The model card of the recommended variant: what it is for, what it is not for, what is known.

After Mitchell et al. 2019, doi 10.1145/3287560.3287596.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.wording import (
    PART_NAMES,
    decimal,
    decimals,
    one_line,
    percent,
    recommended,
    spread,
    whole,
)

Facts = Mapping[str, Any]
Lines = tuple[str, ...]

NEVER_SCORED = (
    "This model itself was never scored on this data set. It was fitted after the folds, for the "
    "median of their best epochs; the figures are of {n} models trained the same way on other "
    "parts of the data."
)
_STOPPED_BY = {
    "patience": "early stopping on validation loss; the weights are those of its best epoch",
    "epochs": "the limit of epochs; the weights are those of the best epoch",
    "folds": "the number of epochs that the folds gave",
}
_RATES = ("accuracy", "sensitivity", "specificity", "precision")
_NUMBERS = {"roc_auc": "ROC AUC", "average_precision": "average precision", "brier": "Brier score"}


@dataclass(frozen=True)
class CardSection:
    """A heading with its lines, each a sentence or `name: value`.

    Attributes:
        title: The heading.
        lines: What stands under it.
        literal: Whether lines are file names and commands, to be shown as they are.
    """

    title: str
    lines: Lines
    literal: bool = False


def model_card(report: Facts) -> list[CardSection]:
    """Write the card from the facts of a report; every number in it stands there.

    Without a recommended variant there is no model to describe: what is known of the run stays.

    Args:
        report: As `report_facts` gives them.
    """
    recommendation = report["recommendation"]
    if recommendation["variant"] is None:
        return _card_of_none(report)
    chosen = report["variants"][recommendation["variant"]]
    return [
        CardSection("Model", _model(report, chosen)),
        CardSection("Intended use", _INTENDED),
        CardSection("Not intended", _NOT_INTENDED),
        CardSection("Data", _data(report)),
        CardSection("Training", _training(chosen)),
        CardSection("Figures", _figures(report, chosen)),
        CardSection("External test", _external(report)),
        CardSection("Groups of people", _FACTORS),
        CardSection("Decision", _decision(chosen)),
        CardSection("Where it looks", _attention(chosen)),
        CardSection("What the audit found", _findings(report)),
        CardSection("Limits", _limits(report)),
        CardSection("Provenance", _provenance(report), literal=True),
    ]


def _card_of_none(report: Facts) -> list[CardSection]:
    told = (
        f"{recommended(None)}. {report['recommendation']['reason']}",
        "No model of this run is to be handed on or promoted.",
    )
    return [
        CardSection("Model", told),
        CardSection("Not intended", ("Any use of a model of this run.",)),
        CardSection("Data", _data(report)),
        CardSection("What the audit found", _findings(report)),
        CardSection("Limits", _limits(report)),
        CardSection("Provenance", _provenance(report), literal=True),
    ]


_INTENDED = (
    "Comparing ways to train image classifiers on this data set, and teaching.",
    "Research that first tests it on data of its own.",
)
_NOT_INTENDED = (
    "Any decision about a patient: this is research software, not a medical device.",
    (
        "Images from other hospitals, devices, views or ages than those it was trained on, unless "
        "it is tested on them first."
    ),
    "Telling COVID-19 from other diseases: it knows COVID-19 and normal only.",
)
_FACTORS = (
    (
        "No figures by age, sex, severity, device or hospital: the images carry none of these. "
        "It may be worse for some people than the figures say, and nothing here would show it."
    ),
)


def _model(report: Facts, chosen: Facts) -> Lines:
    told = (
        (
            f"{chosen['title']}: {whole(chosen['n_parameters'])} parameters, "
            f"{whole(chosen['n_trainable_parameters'])} of them trained. Image of 224 x 224 pixels "
            "in, probability of COVID-19 out."
        ),
        f"Why this one: {report['recommendation']['reason']}",
    )
    if not chosen["folds"]:
        return told
    return (NEVER_SCORED.format(n=len(chosen["folds"])), *told)


def _data(report: Facts) -> Lines:
    data = report["data"]
    told = [f"{one_line(data['description'], 200)}: {whole(data['n_images'])} images."]
    if data["synthetic"]:
        told.append("Synthetic: the project drew every image; no number is about patients.")
    for title, key in (("COVID-19", "covid"), ("Normal", "normal")):
        facts = data["classes"][key]
        told.append(
            f"{title}: {whole(facts['n_images'])} images; the patient is known for "
            f"{percent(facts['known_patient_fraction'])} of them."
        )
    return tuple(told)


def _training(chosen: Facts) -> Lines:
    weights = "Both classes weigh equally in the loss." if chosen["class_weight"] else None
    told = (
        _start(chosen["weights_origin"]),
        (
            f"{whole(chosen['n_train'])} images trained it for {chosen['epochs_run']} epochs; "
            f"learning rate {chosen['learning_rate']:g}, batches of {chosen['batch_size']}, "
            f"{chosen['device']}."
        ),
        f"Stopped by {_STOPPED_BY[chosen['stopped_by']]}.",
    )
    return told if weights is None else (*told, weights)


def _start(origin: str) -> str:
    return f"Start: {ORIGINS[origin].start or 'no backbone; every weight started at random'}."


def _figures(report: Facts, chosen: Facts) -> Lines:
    headline = chosen["headline"]
    basis = (
        f"On {whole(headline['n_images'])} {PART_NAMES[report['basis']]} images at a cut-off of "
        "0.5; in brackets 95 % intervals by a bootstrap over patients and groups."
    )
    rates = [
        f"{name}: {percent(headline[name]['value'])} ({spread(headline[name]['interval'])})"
        for name in _RATES
    ]
    numbers = [f"{title}: {_number(headline[name])}" for name, title in _NUMBERS.items()]
    return (basis, *rates, *numbers)


def _external(report: Facts) -> Lines:
    external = report["external"]
    if external is None:
        return ("None: nothing is known of images from elsewhere.",)
    described = f"{whole(external['n_images'])} images of {one_line(external['description'], 200)}"
    measured = external["variants"].get(report["recommendation"]["variant"])
    if measured is None:
        return (f"{described}: no figures, since they are not of both classes.",)
    auc = measured["metrics"]["roc_auc"]
    synthetic = ", synthetic" if external["synthetic"] else ""
    return (f"{described}{synthetic}; the saved model, unchanged: ROC AUC {_number(auc)}.",)


def _decision(chosen: Facts) -> Lines:
    fixed, statistics = chosen["fixed"], chosen["statistics"]
    if fixed is None:
        return ("Cut-off 0.5. No other was chosen: no images were left to choose one on.",)
    point, calibration = statistics["operating_point"], statistics["calibration"]
    sensitivity, specificity, ppv = point["sensitivity"], point["specificity"], point["ppv"]
    whose = "the median of the folds' own, each " if chosen["folds"] else ""
    prevalence = percent(statistics["predictive_values"]["prevalence"])
    return (
        (
            f"Cut-off {decimal(fixed['cutoff'])}, {whose}chosen on validation images to find at "
            f"least {percent(point['min_sensitivity'])} of COVID-19."
        ),
        (
            "On images that did not choose it, this found "
            f"{percent(sensitivity['value'])} ({spread(sensitivity['interval'])}) of COVID-19 and "
            f"{percent(specificity['value'])} ({spread(specificity['interval'])}) of normal."
        ),
        (
            f"Where {prevalence} of images are COVID-19, {percent(ppv['value'])} "
            f"({spread(ppv['interval'])}) of those called so would be."
        ),
        (
            f"Temperature {decimal(fixed['temperature'])}: with it the expected calibration error "
            f"is {decimal(calibration['scaled']['ece'])}, without it "
            f"{decimal(calibration['raw']['ece'])}."
        ),
    )


def _attention(chosen: Facts) -> Lines:
    explanation = chosen["explanation"]
    if explanation is None:
        return ("Not looked at: the backend of this run gives no gradients.",)
    share = explanation["outside_fraction"]["covid"]
    states = {True: "passed", False: "failed, so the maps say little", None: "could not decide"}
    return (
        (
            f"In COVID-19 images {percent(share['mean'])} ({spread(share['interval'])}) of its "
            "attention lies outside the central region; spread evenly it would be "
            f"{percent(explanation['outside_area_fraction'])}."
        ),
        f"Sanity check of these maps: {states[explanation['sanity_passes']]}.",
    )


def _findings(report: Facts) -> Lines:
    audit = report["audit"]
    findings = (
        f"{each['severity']}: {one_line(each['message'], 600)}" for each in audit["findings"]
    )
    return (f"Verdict: {audit['verdict']}. {one_line(audit['sentence'], 1200)}", *findings)


def _limits(report: Facts) -> Lines:
    label = (
        "The label is what the image was drawn with."
        if report["data"]["synthetic"]
        else "The label is that of the image's folder; nobody has checked it."
    )
    n_ways = report["folds"]["n_repeats"] if report["folds"] else 1
    ways = "one way" if n_ways == 1 else f"{n_ways} ways"
    once = f"One seed and {ways} to divide the data: others may give other figures."
    banners = (one_line(banner["text"], 1000) for banner in report["banners"])
    return (*banners, label, once)


def _provenance(report: Facts) -> Lines:
    chosen = report["recommendation"]["variant"]
    folder = f"{chosen}/"
    place = f", folder train/{folder}" if chosen else ""
    digests = tuple(
        f"SHA-256 of {name.removeprefix(folder)}: {digest}"
        for name, digest in report["hashes"].items()
        if "/" not in name or name.startswith(folder)
    )
    return (
        f"Run {one_line(report['run_key'])}{place}",
        one_line(report["reproduce"], 1500),
        *digests,
        "Versions of Python and the libraries: in report.json, under versions",
    )


def _number(figure: Facts) -> str:
    return f"{decimal(figure['value'])} ({decimals(figure['interval'])})"
