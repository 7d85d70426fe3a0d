"""What a run says to the items of the checklist on its data, its model and its training.

A function is called what its item asks; the numbers are those of CLAIM 2024.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from cxr_tasks.data.sources.left_out import left_out_in_words
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import one_line, percent, recommended, shown_variant, whole

Status = Literal["answered", "person", "not available"]
Facts = Mapping[str, Any]
Answer = tuple[Status, str]


def says(status: Status, text: str) -> Callable[[Facts], Answer]:
    """Give the same answer for every run."""
    return lambda _report: (status, text)


def person(text: str, *, synthetic: str) -> Callable[[Facts], Answer]:
    """Leave an item to a person, unless the images were drawn and so have nothing to it."""

    def answer(report: Facts) -> Answer:
        return ("answered", synthetic) if report["data"]["synthetic"] else ("person", text)

    return answer


def chosen_variant(report: Facts) -> Facts | None:
    """Give the facts of the recommended variant; None where none is recommended."""
    chosen = report["recommendation"]["variant"]
    return None if chosen is None else report["variants"][chosen]


def any_variant(report: Facts) -> Facts:
    """Return the facts of the recommended variant, or else the best, for what is alike in all."""
    facts: Facts = report["variants"][shown_variant(report["recommendation"])]
    return facts


def technology(report: Facts) -> Answer:
    """Item 1."""
    titles = ", ".join(
        facts["title"] for facts in report["variants"].values() if facts["status"] == "ok"
    )
    return "answered", f"Deep learning: convolutional networks, compared: {titles}."


def sources(report: Facts) -> Answer:
    """Item 7."""
    data = report["data"]
    described = one_line(data["description"], 200)
    if data["synthetic"]:
        return "answered", f"{described}: drawn by this project; no patient is shown."
    return "person", (
        f"The run knows: {described}, digest {data['fingerprint']}. Write who collected the "
        "images, where, when, and under which licence."
    )


def exclusion(report: Facts) -> Answer:
    """Item 8."""
    data = report["data"]
    by_run = (
        f"The run took every image of the two classes but {whole(data['n_rejected'])} that could "
        f"not be decoded; each is listed with its reason.{_left_out(data)}"
    )
    if data["synthetic"]:
        return "answered", by_run
    return "person", f"{by_run} Write by which criteria the images were collected."


def _left_out(data: Facts) -> str:
    if not data["n_left_out"]:
        return ""
    reasons = left_out_in_words(data["n_left_out_by_reason"])
    return f" Left out beside them, by name or place: {reasons}."


def missing(report: Facts) -> Answer:
    """Item 12."""
    classes = report["data"]["classes"]
    told = " and ".join(
        f"{percent(classes[key]['known_patient_fraction'])} of the {name} images"
        for name, key in (("COVID-19", "covid"), ("normal", "normal"))
    )
    return "answered", (
        f"The patient is known for {told}. An image without one stands for itself unless it is a "
        "copy of another; nothing was imputed."
    )


def acquisition(report: Facts) -> Answer:
    """Item 13."""
    if report["data"]["synthetic"]:
        return "not available", "Synthetic images were not acquired."
    return "not available", "JPEG and PNG files carry no device, view or exposure."


def partitions(report: Facts) -> Answer:
    """Item 19."""
    folds, seed = report["folds"], report["config"]["seed"]
    if folds:
        times = "" if folds["n_repeats"] == 1 else f", divided {folds['n_repeats']} times"
        return "answered", (
            f"{folds['n_folds']} stratified folds of whole groups{times}, seed {seed}; inside each "
            "an inner part stops the training. Files split.csv and folds.csv."
        )
    parts = ", ".join(f"{name} {n['n_images']}" for name, n in report["split"]["parts"].items())
    kind = report["split"]["kind"]
    return "answered", f"Split {kind}, seed {seed}: {parts} images. File split.csv."


def disjoint(report: Facts) -> Answer:
    """Item 20."""
    if report["split"]["kind"] == "grouped":
        classes = report["data"]["classes"].values()
        known = all(facts["known_patient_fraction"] == 1 for facts in classes)
        unknown = "" if known else " Where the patient is not known, the image."
        return "answered", f"The patient, and copies of one image.{unknown}"
    n = report["split"]["n_groups_across_parts"]
    return "answered", (
        "The image: the study's split looks at neither patients nor copies. Groups of them with "
        f"images in more than one part: {n}."
    )


def sample_size(report: Facts) -> Answer:
    """Item 21."""
    n = any_variant(report)["headline"]["n_images"]
    return "person", (
        f"No size was intended: the figures are of the {whole(n)} images that there were. Write "
        "whether their intervals are narrow enough for what you claim."
    )


def model(report: Facts) -> Answer:
    """Item 22."""
    chosen = chosen_variant(report)
    if chosen is None:
        return "answered", (
            f"{recommended(None)}. What each variant has of parameters stands under What it costs; "
            "224 x 224 x 3 in, one probability out."
        )
    return "answered", (
        f"{recommended(chosen['title'])}, {whole(chosen['n_parameters'])} parameters, "
        f"{whole(chosen['n_trainable_parameters'])} of them trained; 224 x 224 x 3 in, one "
        "probability out. The saved model.keras holds every layer."
    )


def initialisation(report: Facts) -> Answer:
    """Item 24."""
    origin = ORIGINS[report["weights"]["origin"]]
    return "answered", f"{origin.sentence}; all other weights are random, from the seed."


def training(report: Facts) -> Answer:
    """Item 25."""
    config = report["config"]
    trained = {name: f for name, f in report["variants"].items() if f["status"] == "ok"}
    rates = ", ".join(f"{f['learning_rate']:g} ({f['title']})" for f in trained.values())
    limits = (
        str(config["epochs"])
        if config["epochs"]
        else ", ".join(
            f"{VARIANTS[name].quickstart_epochs} ({f['title']})" for name, f in trained.items()
        )
    )
    augmented = "augmentation in the vanilla CNN only"
    return "answered", (
        f"Adam, learning rate {rates}; batches of {any_variant(report)['batch_size']}, at most "
        f"{limits} epochs, early stopping on validation loss with patience "
        f"{config['patience']}; {augmented}. Every setting stands under How to reproduce it."
    )


def selection(report: Facts) -> Answer:
    """Item 26."""
    if chosen_variant(report) is None:
        return "answered", f"{recommended(None)}. {report['recommendation']['reason']}"
    saved = (
        "The saved model is a last fit, as long as the median of the folds' best epochs; it was "
        "never scored itself on this data set."
        if report["folds"]
        else "Its weights are those of the epoch with the lowest validation loss."
    )
    return "answered", f"{report['recommendation']['reason']} {saved}"


def ensembling(report: Facts) -> Answer:
    """Item 27."""
    folds = report["folds"]
    if folds and folds["n_repeats"] > 1:
        return "answered", (
            f"An image's probability is the mean over {folds['n_repeats']} repeats of the folds; "
            "the saved model is one network."
        )
    return "answered", "None."
