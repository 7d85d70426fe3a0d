"""What a run says to the items of the checklist; numbers are those of CLAIM 2024."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from cxr_tasks.reporting.wording import decimal, decimals, percent, spread, whole

Status = Literal["answered", "person", "not available"]
Report = Mapping[str, Any]
Answer = tuple[Status, str]


def says(status: Status, text: str) -> Callable[[Report], Answer]:
    """Give the same answer for every run."""
    return lambda _report: (status, text)


def technology(report: Report) -> Answer:
    """Item 1."""
    titles = ", ".join(
        facts["title"] for facts in report["variants"].values() if facts["status"] == "ok"
    )
    return "answered", f"Convolutional networks, trained for this comparison: {titles}."


def sources(report: Report) -> Answer:
    """Item 7."""
    data = report["data"]
    if data["synthetic"]:
        return "answered", f"{data['description']}. Drawn by this project; no patient is shown."
    return "person", (
        f"The run knows: {data['description']}, digest {data['fingerprint']}. Say who collected "
        "the images, where and when, and under which licence."
    )


def exclusion(report: Report) -> Answer:
    """Item 8."""
    data = report["data"]
    return "answered", (
        f"{whole(data['n_rejected'])} files were excluded because they could not be decoded as "
        "images; each is listed with its reason. Clinical criteria of the collection need a person."
    )


def preprocessing(_report: Report) -> Answer:
    """Item 9."""
    return "answered", (
        "Decoded to 8-bit RGB, EXIF orientation applied, resized to 224 x 224 pixels, bilinear "
        "with antialiasing, aspect ratio not kept; scaled inside the model."
    )


def missing(report: Report) -> Answer:
    """Item 12."""
    classes = report["data"]["classes"]
    told = ", ".join(
        f"{percent(facts['known_patient_fraction'])} of the {name}"
        for name, facts in (("COVID-19", classes["covid"]), ("normal", classes["normal"]))
    )
    return "answered", (
        f"The patient is known for {told} images. An image without one is its own group unless it "
        "is a copy of another."
    )


def acquisition(report: Report) -> Answer:
    """Item 13."""
    if report["data"]["synthetic"]:
        return "not available", "Synthetic images have no acquisition."
    return "not available", "JPEG and PNG files carry no device, view or exposure."


def partitions(report: Report) -> Answer:
    """Item 19."""
    folds = report["folds"]
    if folds:
        return "answered", (
            f"{folds['n_folds']} stratified folds of whole groups, divided {folds['n_repeats']} "
            f"time(s), seed {report['config']['seed']}; inside each an inner part stops the "
            "training. Files: split.csv, folds.csv."
        )
    parts = ", ".join(f"{part} {n['n_images']}" for part, n in report["split"]["parts"].items())
    return "answered", (
        f"Split {report['split']['kind']}, seed {report['config']['seed']}: {parts} images."
    )


def disjoint(report: Report) -> Answer:
    """Item 20."""
    if report["split"]["kind"] == "grouped":
        return "answered", "Patients, as far as they are known, and copies of images."
    n = report["split"]["n_groups_across_parts"]
    return "answered", (
        f"Images only: the study's split looks at neither patients nor copies; {n} groups cross it."
    )


def sample_size(report: Report) -> Answer:
    """Item 21."""
    n = _chosen(report)["headline"]["n_images"]
    return (
        "person",
        f"No size was calculated; the figures are of {whole(n)} images that there were.",
    )


def model(report: Report) -> Answer:
    """Item 22."""
    chosen = _chosen(report)
    return "answered", (
        f"{chosen['title']}: {whole(chosen['n_parameters'])} parameters, "
        f"{whole(chosen['n_trainable_parameters'])} of them trained; 224 x 224 x 3 in, one "
        "probability out. The saved model.keras holds every layer."
    )


def software(_report: Report) -> Answer:
    """Item 23."""
    return "answered", "Keras on TensorFlow; all versions stand under How to reproduce it."


def initialisation(report: Report) -> Answer:
    """Item 24."""
    origins = {
        "file": "backbones from a weights file that the user named",
        "keras": "backbones from Keras' ImageNet weights",
        "random": "backbones from random weights",
        "none": "no backbone",
    }
    return "answered", f"{origins[report['weights']['origin']]}; all other weights from the seed."


def training(report: Report) -> Answer:
    """Item 25."""
    chosen = _chosen(report)
    return "answered", (
        f"Adam, learning rate {chosen['learning_rate']:g}, batches of {chosen['batch_size']}, at "
        f"most {report['config']['epochs']} epochs, early stopping on validation loss with "
        f"patience {report['config']['patience']}; augmentation in the vanilla CNN only."
    )


def selection(report: Report) -> Answer:
    """Item 26."""
    if report["folds"]:
        return "answered", (
            "The saved model is a last fit of as many epochs as the folds' best epochs in the "
            "median. It was never scored itself."
        )
    return "answered", "The epoch of lowest validation loss."


def ensembling(report: Report) -> Answer:
    """Item 27."""
    folds = report["folds"]
    if folds and folds["n_repeats"] > 1:
        return "answered", "Probabilities of an image are averaged over the repeats of the folds."
    return "answered", "None."


def metrics(_report: Report) -> Answer:
    """Item 28."""
    return "answered", (
        "Accuracy, balanced accuracy, sensitivity, specificity, precision, F1, ROC AUC, average "
        "precision, cross-entropy, Brier score, expected calibration error, predictive values."
    )


def uncertainty(_report: Report) -> Answer:
    """Item 29."""
    return "answered", (
        "95 % intervals by a bootstrap over groups, paired over variants; Wilson and DeLong beside "
        "them. Exact McNemar tests with Holm's correction between variants."
    )


def robustness(report: Report) -> Answer:
    """Item 30."""
    n = sum(facts["role"] == "control" for facts in report["audit"]["controls"].values())
    if not n:
        return "not available", "The controls of the audit were not asked."
    return "answered", (
        f"{n} shortcut controls, a reassurance and permuted labels; verdict: "
        f"{report['audit']['verdict']}. Other seeds and settings need further runs."
    )


def explained(report: Report) -> Answer:
    """Item 31."""
    explanation = _chosen(report)["explanation"]
    if explanation is None:
        return "not available", "The backend of this run gives no gradients."
    told = "passed" if explanation["sanity_passes"] else "failed"
    return "answered", f"Grad-CAM with the share outside the centre; its sanity check {told}."


def internal(report: Report) -> Answer:
    """Item 32."""
    names = {
        "oof": "Out of fold: every image by models that had not seen it.",
        "test": "On a test part that had no part in training.",
        "val": "On the validation images that also stopped the training: optimistic.",
    }
    return "answered", names[report["basis"]]


def external(report: Report) -> Answer:
    """Item 33."""
    external = report["external"]
    if external is None:
        return "not available", "No second data set was given (external_source, external_data)."
    return "answered", (
        f"{external['description']}: {whole(external['n_images'])} images, saved models and "
        "cut-offs unchanged."
    )


def flow(report: Report) -> Answer:
    """Item 35."""
    data = report["data"]
    patients = sum(facts["n_patients"] for facts in data["classes"].values())
    return "answered", (
        f"{whole(data['n_images'])} images of {whole(patients)} known patients used, "
        f"{whole(data['n_rejected'])} files excluded."
    )


def performance(report: Report) -> Answer:
    """Item 37."""
    figure = _chosen(report)["headline"]["roc_auc"]
    return "answered", (
        f"ROC AUC {decimal(figure['value'])} ({decimals(figure['interval'])}) for the recommended "
        "variant; all figures in table.csv."
    )


def precision(report: Report) -> Answer:
    """Item 38."""
    headline = _chosen(report)["headline"]
    told = "; ".join(
        f"{name} {percent(headline[name]['value'])} ({spread(headline[name]['interval'])})"
        for name in ("sensitivity", "specificity")
    )
    return "answered", f"{told}, at a cut-off of 0.5."


def failures(_report: Report) -> Answer:
    """Item 39."""
    return "answered", "Wrongly classified images are shown for each variant. Why needs a person."


def limits(report: Report) -> Answer:
    """Item 40."""
    return "answered", f"Verdict of the audit: {report['audit']['sentence']}"


def _chosen(report: Report) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = report["variants"][report["recommendation"]["variant"]]
    return facts
