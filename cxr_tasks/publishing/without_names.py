"""Records without what may name a patient: image files, patients, paths, what is known of few.

File names count as patients' names: hospitals write patient numbers into them. What is left out is
named by its kind, and of findings only those are let through that are known to name nobody.
"""

from collections.abc import Mapping

from cxr_tasks.audit.audit_record import ControlFacts, FindingFacts, SourcesFacts, TellingFeature
from cxr_tasks.audit.control_tests import CONTROLS
from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.evaluation.comparison_record import BannerFacts
from cxr_tasks.evaluation.subgroup_values import MIN_GROUPS
from cxr_tasks.evaluation.subgroups_record import SubgroupField, SubgroupsFacts
from cxr_tasks.publishing.without_paths import (
    NOT_SENT,
    command_without_paths,
    described,
    settings_without_paths,
    without_decisions_file,
)
from cxr_tasks.publishing.without_unknown import without_unknown
from cxr_tasks.reporting.report_record import (
    ReportAudit,
    ReportDecisions,
    ReportExternal,
    ReportRecord,
    VariantReport,
)

_COUNTED: Mapping[str, str] = {
    "duplicates_across_labels": "Pairs of copies that have different labels: {n}.",
    "duplicates_across_split": "Pairs of copies in different parts of the split: {n}.",
    "patients_across_split": "Patients with images in different parts of the split: {n}.",
}
"""What is said in place of the findings that name images or patients, by their checks."""

_NAME_NOBODY = {
    "audit",
    "controls",
    "drift",
    "lungs",
    "one_class_sources",
    "outside_lungs",
    "permuted_labels",
    "shortcut",
    *CONTROLS,
}
"""The checks whose findings are sent as they are, but for those of the acquisition."""

_ACQUISITION = "acquisition"
"""With which the names of the controls begin that know values of the patients' fields."""

_ELSEWHERE = "why stands on the machine that ran it."


def without_names(report: ReportRecord) -> ReportRecord:
    """Return a report whose texts name no image and no patient; no figure is another one."""
    known, config = without_unknown(report), report.config
    return known.model_copy(
        update={
            "audit": _audit(known.audit),
            "banners": [_banner(each, report) for each in known.banners],
            "variants": {name: _variant(each) for name, each in known.variants.items()},
            "external": known.external and _external(known.external, report),
            "data": known.data.model_copy(
                update={"description": described(known.data.description, known.source)}
            ),
            "config": settings_without_paths(config),
            "reproduce": command_without_paths(known.reproduce),
            "subgroups": known.subgroups and _subgroups(known.subgroups),
            "label_decisions": known.label_decisions and _decisions(known.label_decisions),
        }
    )


def version_without_names(version: VersionRecord) -> VersionRecord:
    """Return a champion's record without paths; what people have written in it stays."""
    return without_unknown(version).model_copy(
        update={
            "config": settings_without_paths(version.config),
            "decision_reason": without_decisions_file(version.decision_reason, version.config),
        }
    )


def _audit(audit: ReportAudit) -> ReportAudit:
    copies, patients = audit.duplicates, audit.patients
    findings = [_finding(each, audit) for each in audit.findings]
    sentence = audit.sentence
    for own, sent in zip(audit.findings, findings, strict=True):
        sentence = sentence.replace(own.message, sent.message)  # of a warning it quotes the first
    return audit.model_copy(
        update={
            "sentence": sentence,
            "findings": findings,
            "controls": {name: _control(name, each) for name, each in audit.controls.items()},
            "duplicates": copies and copies.model_copy(update={"pairs": []}),
            "patients": patients and patients.model_copy(update={"examples": []}),
            "sources": audit.sources and _sources(audit.sources),
            "drift": audit.drift and _drift(audit.drift),
        }
    )


def _finding(found: FindingFacts, audit: ReportAudit) -> FindingFacts:
    text = found.message
    if found.check in _COUNTED:
        text = _COUNTED[found.check].format(n=found.value)
    elif found.check not in _NAME_NOBODY:
        text = f"Of {found.check}: {_ELSEWHERE}"
    elif found.check.startswith(_ACQUISITION):
        title = CONTROLS[found.check].title
        text = f"{title[0].upper()}{title[1:]} alone predicts the label with AUC {found.value:.3f}."
    elif found.check == "drift" and audit.drift and audit.drift.status == "not compared":
        text = f"Drift was not measured; {_ELSEWHERE}"
    return found.model_copy(update={"message": text})


def _control(name: str, control: ControlFacts) -> ControlFacts:
    if not name.startswith(_ACQUISITION):
        return control
    return control.model_copy(
        update={"by_feature": [_telling(each) for each in control.by_feature]}
    )


def _telling(feature: TellingFeature) -> TellingFeature:
    """Return a feature without a value that as few as three images may have."""
    for title in ACQUISITION_FIELDS.values():
        if feature.feature.startswith(f"{title} "):
            return feature.model_copy(update={"feature": f"{title}, a value of it"})
    return feature


def _sources(sources: SourcesFacts) -> SourcesFacts:
    enough = [each for each in sources.examples if each.n_covid + each.n_normal >= MIN_GROUPS]
    return sources.model_copy(update={"examples": enough})


def _drift(drift: DriftFacts) -> DriftFacts:
    if drift.status != "not compared":
        return drift
    return drift.model_copy(update={"reason": f"It was not measured; {_ELSEWHERE}"})


def _banner(banner: BannerFacts, report: ReportRecord) -> BannerFacts:
    text = without_decisions_file(banner.text, report.config)
    return banner.model_copy(update={"text": text})


def _variant(variant: VariantReport) -> VariantReport:
    if variant.status == "ok":
        # each example is a prediction of one image
        explained = variant.explanation and variant.explanation.model_copy(update={"examples": []})
        return variant.model_copy(update={"explanation": explained})
    return variant.model_copy(update={"error": variant.error and f"It failed; {_ELSEWHERE}"})


def _external(external: ReportExternal, report: ReportRecord) -> ReportExternal:
    source = report.config.get("external_source")
    return external.model_copy(update={"description": described(external.description, source)})


def _subgroups(subgroups: SubgroupsFacts) -> SubgroupsFacts:
    return subgroups.model_copy(update={"fields": [_field(each) for each in subgroups.fields]})


def _field(field: SubgroupField) -> SubgroupField:
    """Return a field with the values that have figures, since enough patients have them."""
    few = [each for each in field.subgroups if not each.figures]
    return field.model_copy(
        update={
            "subgroups": [each for each in field.subgroups if each.figures],
            "n_more_values": field.n_more_values + len(few),
            "n_more_images": field.n_more_images + sum(each.n_images for each in few),
        }
    )


def _decisions(decided: ReportDecisions) -> ReportDecisions:
    return decided.model_copy(
        update={"file_name": NOT_SENT, "command": command_without_paths(decided.command)}
    )
