"""What a run says to the items of the checklist on its evaluation and its results.

A function is called what its item asks; the numbers are those of CLAIM 2024.
"""

from cxr_tasks.reporting.checklist_answers import Answer, Facts, any_variant, chosen_variant
from cxr_tasks.wording import decimal, decimals, one_line, percent, recommended, spread, whole

_INTERNAL = {
    "oof": "Out of fold: every image was scored by models that had seen neither it nor its group.",
    "test": "On a test part that took no part in training, stopping or choosing a cut-off.",
    "val": "On the validation images, which also stopped the training: optimistic.",
}
_NONE = f"{recommended(None)}. All variants, parts and figures in table.csv."


def robustness(report: Facts) -> Answer:
    """Item 30."""
    n = sum(facts["role"] == "control" for facts in report["audit"]["controls"].values())
    if not n:
        return "not available", "The audit has failed, so its controls were not asked."
    return "answered", (
        f"{n} shortcut controls, the border blacked out, permuted labels; verdict: "
        f"{report['audit']['verdict']}. One seed; other seeds and settings take runs of their own."
    )


def explained(report: Facts) -> Answer:
    """Item 31."""
    explanation = any_variant(report)["explanation"]
    if explanation is None:
        return "not available", "The backend of this run gives no gradients."
    states = {True: "passed", False: "failed", None: "could not decide"}
    return "answered", (
        "Grad-CAM on right and wrong images, the share of attention outside the central region, "
        f"and a sanity check by random weights, which {states[explanation['sanity_passes']]}."
    )


def internal(report: Facts) -> Answer:
    """Item 32."""
    return "answered", _INTERNAL[report["basis"]]


def external(report: Facts) -> Answer:
    """Item 33."""
    external = report["external"]
    if external is None:
        return "not available", "No second data set was given (external_source, external_data)."
    described = one_line(external["description"], 200)
    if not external["variants"]:
        return "not available", f"{described} has not both classes."
    synthetic = " Synthetic." if external["synthetic"] else ""
    return "answered", (
        f"{described}: {whole(external['n_images'])} images; saved models, temperatures and "
        f"cut-offs unchanged.{synthetic}"
    )


def flow(report: Facts) -> Answer:
    """Item 35."""
    data = report["data"]
    patients = sum(facts["n_patients"] for facts in data["classes"].values())
    n_known = sum(facts["n_with_patient"] for facts in data["classes"].values())
    return "answered", (
        f"Included: {whole(data['n_images'])} images; {whole(n_known)} of them are of "
        f"{whole(patients)} known patients. Excluded: {whole(data['n_rejected'])} files; left "
        f"out before, by name or place: {whole(data['n_left_out'])}."
    )


def performance(report: Facts) -> Answer:
    """Item 37."""
    chosen = chosen_variant(report)
    if chosen is None:
        return "answered", _NONE
    figure = chosen["headline"]["roc_auc"]
    return "answered", (
        f"Recommended variant: ROC AUC {decimal(figure['value'])} "
        f"({decimals(figure['interval'])}). All variants, parts and figures in table.csv."
    )


def precision(report: Facts) -> Answer:
    """Item 38."""
    chosen = chosen_variant(report)
    if chosen is None:
        return "answered", _NONE
    headline = chosen["headline"]
    told = "; ".join(
        f"{name} {percent(headline[name]['value'])} ({spread(headline[name]['interval'])})"
        for name in ("sensitivity", "specificity")
    )
    return "answered", f"Recommended variant at a cut-off of 0.5: {told}."


def failures(report: Facts) -> Answer:
    """Item 39."""
    chosen = chosen_variant(report)
    of_chosen = ""
    if chosen is not None:
        accuracy, n_images = chosen["headline"]["accuracy"]["value"], chosen["headline"]["n_images"]
        of_chosen = f"; the recommended one has {whole(round((1 - accuracy) * n_images))}"
    return "person", (
        f"The report shows images that each variant has wrong{of_chosen}. Write what a reader "
        "sees in them."
    )


def limits(report: Facts) -> Answer:
    """Item 40."""
    sentence, n = one_line(report["audit"]["sentence"], 1200), len(report["banners"])
    return "person", (
        f"The run's own: {sentence} Notes beside the result: {n}. Write what follows for your "
        "question."
    )
