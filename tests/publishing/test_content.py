"""What leaves the machine: every file that is copied is listed here, and none names a patient."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cxr_tasks.audit.audit_record import FindingFacts
from cxr_tasks.audit.leakage import audit_copies, audit_patients
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.errors import DamagedError
from cxr_tasks.publishing.content import Copy, copy_of_champion, copy_of_report
from cxr_tasks.reporting.report_record import ReportRecord, UntrainedReportVariant
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import read_sealed_record, write_sealed_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.stored import flip_bit


@pytest.fixture
def leaking(home: Home) -> RunPaths:
    """A run whose audit names images and patients, and whose failed variant does."""
    run = home.run("first")
    report = read_sealed_record(run.report / ReportRecord.FILE, ReportRecord)
    dataset = open_dataset(home, report.data.fingerprint)
    index = dataset.index.assign(patient="Doe^Jane", sha256="00" * 32, phash="00" * 8)
    split = read_split(run.split).assign(part=["train", "test"] * (len(index) // 2))
    known = replace(dataset, index=index)
    copies, of_copies = audit_copies(known, split)
    patients, of_patients = audit_patients(known, split)
    findings: list[FindingFacts] = [*of_copies, *of_patients]
    assert len(findings) == 3
    assert copies.pairs
    assert patients.examples
    failed = UntrainedReportVariant(
        title="x", study_name="x", status="failed", error=f"{index['path'].iloc[0]} is no image"
    )
    audit = report.audit.model_copy(
        update={"findings": findings, "duplicates": copies, "patients": patients}
    )
    variants = {**report.variants, "vanilla_cnn": failed}
    leaking = report.model_copy(update={"audit": audit, "variants": variants})
    write_sealed_record(run.report / ReportRecord.FILE, leaking)
    return run


def named_in(copy: Copy, names: set[str]) -> set[str]:
    texts = [content.decode("utf-8", "replace") for content in copy.files.values()]
    return {name for name in names if any(name in text for text in texts)}


def names_of(home: Home, fingerprint: str) -> set[str]:
    paths = open_dataset(home, fingerprint).index["path"]
    return {"Doe^Jane", *paths, *(Path(path).name for path in paths)}


def test_a_report_on_real_images_names_no_image_and_no_patient(leaking: RunPaths) -> None:
    record = read_sealed_record(leaking.report / ReportRecord.FILE, ReportRecord)
    names = names_of(leaking.home, record.data.fingerprint)
    own = (leaking.report / ReportRecord.FILE).read_text()
    assert len([name for name in names if name in own]) > 2
    copy = copy_of_report(leaking)
    assert sorted(copy.files) == ["model_card.md", "report.json", "table.csv"]
    assert named_in(copy, names) == set()
    card = copy.files["model_card.md"].decode()
    assert re.search(r"Patients with images in different parts of the split: 1\.", card)
    assert b"data:image" not in b"".join(copy.files.values())


def test_figures_are_copied_as_they_are(leaking: RunPaths, tmp_path: Path) -> None:
    own = read_sealed_record(leaking.report / ReportRecord.FILE, ReportRecord)
    path = tmp_path / "copied.json"
    path.write_bytes(copy_of_report(leaking).files["report.json"])
    copied = read_sealed_record(path, ReportRecord)
    assert copied.audit.duplicates
    assert own.audit.duplicates
    assert copied.audit.duplicates.n_across_labels == own.audit.duplicates.n_across_labels > 0
    kept = own.content().keys() - {"audit", "variants"}
    assert {key: copied.content()[key] for key in kept} == {key: own.content()[key] for key in kept}
    assert copied.trained == own.trained


def test_the_same_report_gives_the_same_copy(leaking: RunPaths) -> None:
    assert copy_of_report(leaking) == copy_of_report(leaking)


def test_a_report_on_drawn_images_is_copied_as_it_is(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing())
    finish_report(run, config)
    copy = copy_of_report(run)
    on_disk = {path.name: path.read_bytes() for path in run.report.iterdir()}
    assert dict(copy.files) == on_disk
    assert sorted(on_disk) == [
        "index.html",
        "labels.html",
        "model_card.md",
        "report.json",
        "table.csv",
    ]


def test_drawn_images_beside_real_ones_are_no_drawn_run(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(external=True))
    record = finish_report(run, config)
    assert record.data.synthetic
    assert record.external
    real = record.external.model_copy(update={"synthetic": False})
    changed = record.model_copy(update={"external": real})
    write_sealed_record(run.report / ReportRecord.FILE, changed)
    assert "index.html" not in copy_of_report(run).files


def test_of_a_champion_model_and_record_are_copied(home: Home) -> None:
    copy = copy_of_champion(home, "0001-first")
    assert sorted(copy.files) == ["model.keras", "version.json"]
    assert (copy.manifest.kind, copy.manifest.name) == ("champions", "0001-first")
    (dataset,) = home.datasets.iterdir()
    assert named_in(copy, names_of(home, dataset.name)) == set()


def test_what_is_damaged_is_not_copied(home: Home) -> None:
    flip_bit(home.champion / "0001-first" / "model.keras")
    flip_bit(home.run("first").report / "table.csv")
    with pytest.raises(DamagedError, match=r"model\.keras"):
        copy_of_champion(home, "0001-first")
    with pytest.raises(DamagedError, match=r"table\.csv"):
        copy_of_report(home.run("first"))
