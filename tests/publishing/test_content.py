"""What leaves the machine: every file that is copied is listed here, and is of its record."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.versions import require_champion
from cxr_tasks.errors import DamagedError
from cxr_tasks.publishing import content
from cxr_tasks.publishing.content import copy_of_champion, copy_of_report
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import (
    parse_sealed_record,
    read_sealed_record,
    write_sealed_record,
)
from cxr_tasks.volume.records import require_record
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.publishing.naming_run import name_patients
from tests.stored import flip_bit


@pytest.fixture
def naming(home: Home) -> RunPaths:
    """A run whose report names patients wherever it can."""
    name_patients(home.run("first"))
    return home.run("first")


def test_of_a_report_on_real_images_no_page_is_copied(home: Home) -> None:
    copy = copy_of_report(home.run("first"))
    assert sorted(copy.files) == ["model_card.md", "report.json", "table.csv"]
    assert b"data:image" not in b"".join(copy.files.values())


def test_figures_are_copied_as_they_are(naming: RunPaths) -> None:
    own = read_sealed_record(naming.report / ReportRecord.FILE, ReportRecord)
    copied_file = copy_of_report(naming).files["report.json"]
    copied = parse_sealed_record(copied_file, ReportRecord, path=Path())
    assert copied.audit.duplicates
    assert own.audit.duplicates
    assert copied.audit.duplicates.n_across_labels == own.audit.duplicates.n_across_labels > 0
    changed = {"audit", "banners", "variants", "external", "config", "reproduce", "subgroups"}
    kept = own.content().keys() - changed - {"data", "label_decisions", "a_later_key"}
    assert {key: copied.content()[key] for key in kept} == {key: own.content()[key] for key in kept}
    for name, trained in own.trained.items():
        sent = copied.trained[name]
        assert trained.explanation
        explained = trained.explanation.model_copy(update={"examples": []})
        assert sent == trained.model_copy(update={"explanation": explained})


def test_the_same_report_gives_the_same_copy(naming: RunPaths) -> None:
    assert copy_of_report(naming) == copy_of_report(naming)


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


def test_what_is_damaged_is_not_copied(home: Home) -> None:
    flip_bit(home.champion / "0001-first" / "model.keras")
    flip_bit(home.run("first").report / "table.csv")
    with pytest.raises(DamagedError, match=r"model\.keras"):
        copy_of_champion(home, "0001-first")
    with pytest.raises(DamagedError, match=r"table\.csv"):
        copy_of_report(home.run("first"))


def test_a_file_of_another_report_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the report is made anew between the check of all files and the reading of one."""
    run, config = draw_run(tmp_path, Drawing())
    finish_report(run, config)

    def check_and_change(*args: Any) -> Any:
        record = require_record(*args)
        (run.report / "model_card.md").write_text("Another one's.")
        return record

    monkeypatch.setattr(content, "require_record", check_and_change)
    with pytest.raises(DamagedError, match=r"model_card\.md is not what its record says"):
        copy_of_report(run)


def test_the_record_that_is_copied_is_the_one_that_files_are_checked_by(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:

    def open_and_change(*args: Any) -> Any:
        champion = require_champion(*args)
        champion.model_file.write_bytes(b"another one's")
        return champion

    monkeypatch.setattr(content, "require_champion", open_and_change)
    with pytest.raises(DamagedError, match=r"model\.keras is not what its record says"):
        copy_of_champion(home, "0001-first")


def test_a_report_that_goes_meanwhile_is_not_copied(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = home.run("first")
    monkeypatch.setattr(content, "require_record", lambda *_: shutil.rmtree(run.report))
    with pytest.raises(DamagedError, match="changed while it was read"):
        copy_of_report(run)
