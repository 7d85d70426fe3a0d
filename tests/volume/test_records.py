from pathlib import Path
from typing import ClassVar, Literal

import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import finish_once, require_record
from tests.stored import change_record, flip_bit


class NoteRecord(StageRecord):
    """A stage of which these tests are about nothing but its record."""

    FILE: ClassVar[str] = "split.json"
    COMMAND: ClassVar[str] = "split"

    stage: Literal["split"]
    said: str


def finish(folder: Path, source: Path, text: str) -> NoteRecord:
    def build(built: Path) -> dict[str, str]:
        (built / "out.txt").write_text(text)
        return {"said": text}

    return finish_once(
        folder,
        NoteRecord,
        inputs={"source": source},
        config_fingerprint="f",
        seed=1,
        build=build,
        note=print,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_text("input")
    return path


def test_finished_stage_is_not_repeated(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    assert finish(tmp_path / "split", source, "second").said == "first"


def test_changed_input_builds_anew(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    source.write_text("other")
    assert finish(tmp_path / "split", source, "second").said == "second"


def test_record_names_what_decides_about_numbers(tmp_path: Path, source: Path) -> None:
    record = finish(tmp_path / "split", source, "first")
    assert {"schema_version", "seed", "config_fingerprint", "seconds"} <= set(record.content())
    assert record.versions["tensorflow"]
    assert set(record.outputs) == {"out.txt"}


def test_changed_output_is_noticed(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    (tmp_path / "split" / "out.txt").write_text("tampered")
    with pytest.raises(ArtifactError, match="not what its record says"):
        require_record(tmp_path / "split", NoteRecord)


def test_output_that_cannot_be_read_is_made_again(tmp_path: Path, source: Path) -> None:
    """A folder in a file's place stands for a bad sector: both are errors of reading."""
    out = tmp_path / "split" / "out.txt"
    finish(tmp_path / "split", source, "first")
    out.unlink()
    out.mkdir()
    with pytest.raises(ArtifactError, match=r"out\.txt is missing or unreadable"):
        require_record(tmp_path / "split", NoteRecord)
    assert finish(tmp_path / "split", source, "second").said == "second"
    assert out.read_text() == "second"


@pytest.mark.parametrize("name", ["out.txt", "split.json"])
def test_damaged_stage_is_made_again(tmp_path: Path, source: Path, name: str) -> None:
    finish(tmp_path / "split", source, "first")
    flip_bit(tmp_path / "split" / name)
    assert finish(tmp_path / "split", source, "second").said == "second"
    assert require_record(tmp_path / "split", NoteRecord).said == "second"


def test_stage_of_a_newer_version_is_not_made_again(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    change_record(tmp_path / "split" / "split.json", schema_version=99)
    with pytest.raises(ArtifactError, match="schema version 99"):
        finish(tmp_path / "split", source, "second")
    assert (tmp_path / "split" / "out.txt").read_text() == "first"


def test_what_killed_builders_left_is_removed(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    for name in (".split.building-abc", ".split.replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half")
    finish(tmp_path / "split", source, "second")
    assert {path.name for path in tmp_path.iterdir()} == {"in.txt", "split"}


def test_unfinished_stage_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="not finished"):
        require_record(tmp_path / "split", NoteRecord)


def test_newer_schema_is_refused(tmp_path: Path, source: Path) -> None:
    finish(tmp_path / "split", source, "first")
    path = tmp_path / "split" / "split.json"
    change_record(path, schema_version=99)
    with pytest.raises(ArtifactError, match="schema version 99"):
        require_record(tmp_path / "split", NoteRecord)
