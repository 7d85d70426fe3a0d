"""A report without what may name a patient: image files, patients, failures that quote them.

File names count as patients' names: hospitals write patient numbers into them.
"""

from collections.abc import Mapping

from cxr_tasks.audit.audit_record import FindingFacts
from cxr_tasks.reporting.report_record import ReportAudit, ReportRecord, VariantReport

_WITHOUT: Mapping[str, str] = {
    "duplicates_across_labels": "Pairs of copies that have different labels: {n}.",
    "duplicates_across_split": "Pairs of copies in different parts of the split: {n}.",
    "patients_across_split": "Patients with images in different parts of the split: {n}.",
}
"""What is said in place of the findings that name images or patients, by their checks."""

_FAILED = "It failed; why stands on the machine that ran it."


def without_names(report: ReportRecord) -> ReportRecord:
    """Return a report whose texts name no image and no patient; no figure is another one."""
    return report.model_copy(
        update={
            "audit": _audit(report.audit),
            "variants": {name: _variant(each) for name, each in report.variants.items()},
        }
    )


def _audit(audit: ReportAudit) -> ReportAudit:
    copies, patients = audit.duplicates, audit.patients
    return audit.model_copy(
        update={
            "findings": [_finding(each) for each in audit.findings],
            "duplicates": copies and copies.model_copy(update={"pairs": []}),
            "patients": patients and patients.model_copy(update={"examples": []}),
        }
    )


def _finding(found: FindingFacts) -> FindingFacts:
    text = _WITHOUT.get(found.check)
    return found.model_copy(update={"message": text.format(n=found.value)}) if text else found


def _variant(variant: VariantReport) -> VariantReport:
    return variant.model_copy(update={"error": _FAILED}) if variant.error else variant
