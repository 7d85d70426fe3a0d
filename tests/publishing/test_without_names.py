"""What a published record is without: every text of it, field by field, and all bytes at once."""

import json
from pathlib import Path

import pytest

from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.publishing.content import copy_of_champion, copy_of_report
from cxr_tasks.publishing.without_names import version_without_names, without_names
from cxr_tasks.publishing.without_paths import NOT_SENT, PATHS, command_without_paths
from cxr_tasks.publishing.without_unknown import without_unknown
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import parse_sealed_record, read_sealed_record
from tests.publishing import naming_run
from tests.publishing.naming_run import NAME, ROW, SCORE, decisions_of, name_patients
from tests.publishing.text_fields import text_fields


def listed(fields: str) -> set[str]:
    return set(fields.split())


CLEANED = listed(
    """
    BannerFacts.text CopyPair.first CopyPair.parts CopyPair.second DriftNotCompared.reason
    FindingFacts.message PatientsFacts.examples ReportAudit.sentence ReportData.description
    ReportDecisions.command ReportDecisions.file_name ReportExternal.description ReportRecord.config
    ReportRecord.reproduce SourceCounts.source Subgroup.value TellingFeature.feature
    UntrainedReportVariant.error VersionRecord.config VersionRecord.decision_reason
    """
)
"""Texts that may name a patient, and are sent without the name or not at all."""

OF_PEOPLE = listed(
    """
    ApprovalFacts.by ApprovalFacts.reason ContestFacts.champion DriftCompared.champion
    DriftNotCompared.champion ReportData.first_run ReportDecisions.by ReportRecord.run_key
    RunTimes.by RunTimes.dag_run RunWithoutDecisions.run_key SeedsFacts.runs
    VersionRecord.champion_before VersionRecord.run_key VersionRecord.version
    """
)
"""What people have named or written for others to read, with their own names; docs list it."""

DIGESTS = listed(
    """
    ApprovalFacts.report_sha256 ChallengeFacts.challenger DriftCompared.dataset
    DriftNotCompared.dataset ReportData.fingerprint ReportDecisions.dataset_before
    ReportExternal.fingerprint ReportRecord.config_fingerprint ReportRecord.hashes
    ReportRecord.inputs ReportRecord.outputs ReportRecord.versions ReportVariant.activations
    VersionRecord.config_fingerprint VersionRecord.dataset VersionRecord.inputs
    VersionRecord.outputs VersionRecord.versions WeightsFacts.file_name WeightsFacts.sha256
    """
)
"""Digests and versions, by names of this project's own files and parts."""

WORDS = listed(
    """
    ApprovalFacts.at BannerFacts.kind ChallengeFacts.kind ChanceTest.test ClassImages.formats
    ClassImages.modes ContestFacts.n_left_out ContestFacts.rule ControlComparison.title
    ControlFacts.asks ControlFacts.title DriftCheck.class_name DriftCheck.figure DriftCheck.measure
    DriftCheck.title DriftCheck.unit DriftCompared.left_out DriftCompared.reason DriftCompared.rule
    ExplanationFacts.layer ExplanationFacts.part FindingFacts.check IndependentInterval.method
    LabelSuspectFacts.variants LearningCurveFacts.method LearningCurveFacts.reason PairFacts.first
    PairFacts.second PairFacts.sentence PairFacts.test RecommendationFacts.best
    RecommendationFacts.chance RecommendationFacts.compared RecommendationFacts.reason
    RecommendationFacts.rule RecommendationFacts.variant ReportAudit.comparisons
    ReportAudit.controls ReportAudit.rule ReportAudit.variant ReportAudit.weights_origin
    ReportData.n_left_out_by_reason ReportData.n_unusable_masks_by_reason ReportData.remedy
    ReportExternal.n_left_out_by_reason ReportExternal.variants ReportRecord.profile
    ReportRecord.source ReportRecord.variants ReportVariant.class_weight ReportVariant.cut_after
    ReportVariant.device ReportVariant.precision ReportVariant.study_name ReportVariant.title
    ReportVariant.variant ReportVariant.weights_origin RightTest.test RunWithoutDecisions.variant
    SanityStep.layer SeedsFacts.variants SplitFacts.kind StudyReport.differences
    StudyReport.settings StudyReport.source StudyReport.variants StudyVariant.model
    Subgroup.figures SubgroupField.name SubgroupField.title SubgroupTest.highest
    SubgroupTest.lowest SubgroupsFacts.findings SubgroupsFacts.sentence SubgroupsFacts.variant
    UntrainedReportVariant.study_name UntrainedReportVariant.title VersionRecord.profile
    VersionRecord.promoted_at VersionRecord.title VersionRecord.variant VersionRecord.verdict
    VersionRecord.weights_origin WeightsFacts.origin
    """
)
"""This project's own words and figures, or values that enough patients have."""


@pytest.fixture
def names(home: Home) -> set[str]:
    """The names in the report of the run `first`."""
    return name_patients(home.run("first"))


@pytest.fixture
def run(home: Home, names: set[str]) -> RunPaths:
    assert names
    return home.run("first")


def test_every_text_of_a_record_is_known_to_be_cleaned_or_sent() -> None:
    """A new field of text belongs into one of the lists, and into `without_names` or the docs."""
    known = [CLEANED, OF_PEOPLE, DIGESTS, WORDS]
    assert sum(map(len, known)) == len(set.union(*known))
    assert text_fields(ReportRecord) | text_fields(VersionRecord) == set.union(*known)


def test_every_setting_of_text_is_known_to_be_withheld_or_sent() -> None:
    sent = {"kaggle_dataset", "learning_rate"}
    typed = {field.partition(".")[2] for field in text_fields(RunConfig)}
    assert typed == {*PATHS, *sent}
    assert set(naming_run.PATHS) == set(PATHS)


def test_no_byte_of_a_copy_names_an_image_a_folder_or_a_patient(
    run: RunPaths, names: set[str]
) -> None:
    own = (run.report / ReportRecord.FILE).read_text()
    record = read_sealed_record(run.report / ReportRecord.FILE, ReportRecord)
    assert record.audit.verdict == "warning"
    assert "PATIENT-M-0" in record.audit.sentence
    assert "IMG-0" in record.audit.sentence
    assert own.count(NAME) > 20
    copied = b"\0".join(copy_of_report(run).files.values()).decode()
    assert {name for name in names if name in copied} == set()
    assert "Patients with images in different parts of the split: 8." in copied
    assert "Of a_later_check: why stands on the machine that ran it." in copied


def test_no_prediction_of_an_image_is_copied(run: RunPaths) -> None:
    own = (run.report / ReportRecord.FILE).read_text()
    copied = b"".join(copy_of_report(run).files.values()).decode()
    for shown in (str(ROW), str(SCORE)):
        assert shown in own
        assert shown not in copied


def test_subgroups_of_too_few_are_counted_only(run: RunPaths) -> None:
    own = read_sealed_record(run.report / ReportRecord.FILE, ReportRecord)
    sent = without_names(own)
    assert own.subgroups
    assert sent.subgroups
    for field, of_field in zip(own.subgroups.fields, sent.subgroups.fields, strict=True):
        assert {each.value for each in field.subgroups} == {f"{NAME}'s", "common"}
        assert [each.value for each in of_field.subgroups] == ["common"]
        assert of_field.n_more_values == field.n_more_values + 1
        assert of_field.n_more_images == field.n_more_images + 4


def test_the_table_is_that_of_the_report_that_is_sent(run: RunPaths) -> None:
    table = copy_of_report(run).files["table.csv"].decode()
    assert "It failed; why stands on the machine that ran it." in table
    assert "is odd" not in table


def test_a_fresh_record_has_no_unknown_keys(home: Home) -> None:
    report = read_sealed_record(home.run("first").report / ReportRecord.FILE, ReportRecord)
    assert without_unknown(report).content() == report.content()


def test_a_champions_record_is_copied_without_paths(home: Home) -> None:
    path = home.champion / "0001-first" / VersionRecord.FILE
    own = read_sealed_record(path, VersionRecord)
    decided = decisions_of(RunConfig().model_copy(update=naming_run.PATHS))
    named = own.model_copy(
        update={
            "config": own.config | naming_run.PATHS | {"a_later_one": NAME},
            "decision_reason": f"Better. In its data {decided.in_words(decided.file_name)}.",
            "a_later_key": NAME,
        }
    )
    sent = version_without_names(named)
    assert NAME in json.dumps(named.content())
    assert NAME not in json.dumps(sent.content())
    assert sent.decision_reason.endswith(f"by decisions of ann ({NOT_SENT}).")
    assert sent.config["seed"] == own.config["seed"]
    copied = copy_of_champion(home, "0001-first").files[VersionRecord.FILE]
    assert parse_sealed_record(copied, VersionRecord, path=Path()) == version_without_names(own)


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("run --data '/srv/Doe Jane' --seed 1", "run --data 'not sent' --seed 1"),
        ("run --covid-glob=-Doe* --folds 5", "run '--covid-glob=not sent' --folds 5"),
        ("run --weights phantom --lung-masks none", "run --weights phantom --lung-masks none"),
    ],
)
def test_a_command_is_copied_without_paths(command: str, sent: str) -> None:
    assert command_without_paths(command) == sent
