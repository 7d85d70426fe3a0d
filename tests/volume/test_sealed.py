import json
from pathlib import Path

import pytest

from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.files import read_json, write_json
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed, write_sealed
from tests.stored import flip_bit

CONTENT = {"said": "héllo", "numbers": (1, 2.5e-17, None), "by_label": {0: "normal", 1: "covid"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "x.json", CONTENT)
    return tmp_path / "x.json"


def test_reader_gets_what_was_written_without_the_seal(path: Path) -> None:
    assert read_sealed(path) == {
        "schema_version": SCHEMA_VERSION,
        **json.loads(json.dumps(CONTENT)),
    }


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    for place in range(len(content)):
        flip_bit(path, position=place / (len(content) - 1))
        with pytest.raises(DamagedError, match=r"x\.json"):
            read_sealed(path)
        path.write_bytes(content)


def test_missing_seal_is_noticed(path: Path) -> None:
    content = read_json(path)
    del content["content_sha256"]
    write_json(path, content)
    with pytest.raises(DamagedError):
        read_sealed(path)


def test_only_version_1_had_no_seal(tmp_path: Path) -> None:
    write_json(tmp_path / "old.json", {"schema_version": 2, "said": "old"})
    with pytest.raises(DamagedError):
        read_sealed(tmp_path / "old.json")


def test_version_1_is_read_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "old.json", {"schema_version": 1, "said": "old"})
    assert read_sealed(tmp_path / "old.json") == {"schema_version": SCHEMA_VERSION, "said": "old"}
    assert read_json(tmp_path / "old.json")["schema_version"] == 1


def test_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_json(tmp_path / "new.json", {"schema_version": 99, "anything": True})
    with pytest.raises(ArtifactError, match="schema version 99") as caught:
        read_sealed(tmp_path / "new.json")
    assert "Use the version that wrote it" in caught.value.remedy
    assert not isinstance(caught.value, DamagedError)


@pytest.mark.parametrize("version", [0, -1, None, "2", True])
def test_no_version_is_damage(tmp_path: Path, version: object) -> None:
    write_json(tmp_path / "x.json", {"schema_version": version})
    with pytest.raises(DamagedError):
        read_sealed(tmp_path / "x.json")
