"""Drift: what of a run's data differs from the data that the champion knows, and in words."""

from cxr_tasks.audit.audit_record import FindingFacts, finding
from cxr_tasks.audit.drift_comparison import Features, compare_datasets
from cxr_tasks.audit.drift_record import DriftCheck, DriftCompared, DriftFacts, DriftNotCompared
from cxr_tasks.audit.features import AuditInputs, MaskedFeatures, frozen_prefix, run_frozen
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.errors import CxrError
from cxr_tasks.wording import decimal, percent, whole

MAX_NAMED = 3

_NOT_TRAINED = ("none", "random")
_MEANING = (
    "So the data differ from what the champion knows; this says nothing about this run's scores, "
    "or about which model is better."
)


def measure_drift(inputs: AuditInputs, features: MaskedFeatures | None) -> DriftFacts | None:
    """Compare a run's data set with the champion's, the one that served when it was ingested.

    Args:
        inputs: The run's.
        features: Its frozen features, where it has a backbone.

    Returns:
        None where there was no champion.
    """
    version, dataset, fingerprint = inputs.ingested.champion, inputs.dataset, None
    if version is None:
        return None
    try:
        fingerprint = inputs.champion_dataset()
        known = open_dataset(inputs.run.home, fingerprint)
    except CxrError as err:
        # the audit is about this run: what became of another's data must not end it
        remedy = (
            "Put it back, or ingest the same files again, which gives the same data set; then "
            f"delete the folder audit of the run {inputs.run.key} and run the stage audit again."
        )
        return DriftNotCompared(
            champion=version,
            dataset=fingerprint,
            status="not compared",
            reason=f"{err.problem} {remedy}",
        )
    if known.fingerprint == dataset.fingerprint:
        return DriftNotCompared(
            champion=version, dataset=fingerprint, status="same data", reason=""
        )
    inputs.note(f"drift against the data of the champion {version}")
    both = None
    if features is not None and inputs.ingested.weights.origin not in _NOT_TRAINED:
        # the champion's images as this run's backbone sees them; its own run left them cached
        old = run_frozen(
            frozen_prefix(inputs), known.images, inputs, digests={"images": known.images_digest}
        )
        both = Features(old, features.whole_image)
    return compare_datasets(
        known, dataset, champion=version, features=both, seed=inputs.config.seed
    )


def drift_finding(drift: DriftFacts) -> FindingFacts:
    """Describe what `measure_drift` found, as a `warning` where something moved.

    The verdict's rule does not know this check: it is about the data, and no score misleads by it.
    """
    if drift.status == "not compared":
        return finding("drift", "info", f"Drift was not measured. {drift.reason}")
    whose = f"those of the champion {drift.champion}"
    if drift.status == "same data":
        return finding("drift", "info", f"Drift: the data are {whose}, so nothing can have moved.")
    moved = [each for each in drift.checks if each.moved]
    ending = " ".join([_counts(drift), *drift.left_out])
    if not moved:
        message = f"No drift was found between the data and {whose}. {ending}"
        return finding("drift", "info", message)
    named = _farthest(moved)[:MAX_NAMED]
    checks = "; ".join(_describe_check(each, drift) for each in named)
    more = f"; and {len(moved) - len(named)} more" if len(moved) > len(named) else ""
    message = (
        f"Drift: the data differ from {whose} in {len(moved)} of {len(drift.checks)} "
        f"comparisons: {checks}{more}. {_MEANING} {ending}"
    )
    return finding("drift", "warning", message, value=len(moved))


def _farthest(checks: list[DriftCheck]) -> list[DriftCheck]:
    """Take each figure in the class in which it moved farthest; the farthest figure first."""

    def excess(check: DriftCheck) -> float:
        nothing = 0.5 if check.measure == "AUC" else 0.0
        return (check.effect - nothing) / (check.floor - nothing)

    farthest: dict[str, DriftCheck] = {}
    for check in sorted(checks, key=excess, reverse=True):
        farthest.setdefault(check.figure, check)
    return list(farthest.values())


def _describe_check(check: DriftCheck, drift: DriftCompared) -> str:
    title, effect = check.title, f"{check.measure} {decimal(check.effect, 2)}"
    if check.figure == "class_balance":
        balance = drift.class_balance
        old, new = (percent(each.value) for each in (balance.champion, balance.run))
        return f"{title} {new}, there {old}"
    if check.figure == "features":
        return f"{title} tell new {check.class_name} images from the champion's ({effect})"
    digits = 0 if check.unit == "px" else 1
    old, new = (decimal(each.quantiles[2], digits) for each in (check.champion, check.run) if each)
    medians = f"median {new} {check.unit}, there {old}"
    return f"{title} of {check.class_name} images ({medians}; {effect})"


def _counts(drift: DriftCompared) -> str:
    n_run, n_champion = (whole(n) for n in (drift.n_images.run, drift.n_images.champion))
    if not drift.n_new:
        return (
            f"No image is new: all {n_run} are among the champion's {n_champion}, so "
            "that only the share of COVID-19 could be compared."
        )
    if not drift.n_shared:
        return f"All {n_run} images are new."
    return (
        f"Of {n_run} images {whole(drift.n_new)} are new, {whole(drift.n_shared)} are "
        "the champion's too."
    )
