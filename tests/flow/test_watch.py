import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError, SourceError
from cxr_tasks.flow.watch import found_something_new, look
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from tests.image_files import encode, picture


@pytest.fixture
def watched(tmp_path: Path) -> RunConfig:
    for name in ("COVID/1.png", "NORMAL/1.png"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(encode(picture()))
    return make_config({"source": "folder", "data": str(tmp_path / "data")})


def is_new(config: RunConfig, home: Path, looked_by: str) -> bool:
    found = look(
        config,
        Home(home),
        looked_by=looked_by,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        environ={},
        report=lambda _: None,
    )
    assert found_something_new(Home(home), looked_by) == found
    return found


def test_only_what_changed_is_new(watched: RunConfig, tmp_path: Path) -> None:
    told = [is_new(watched, tmp_path, "first"), is_new(watched, tmp_path, "second")]
    (Path(watched.data) / "NORMAL" / "2.png").write_bytes(encode(picture()))
    told += [is_new(watched, tmp_path, "third"), is_new(watched, tmp_path, "fourth")]
    os.utime(Path(watched.data) / "NORMAL" / "2.png", ns=(1, 1))
    told += [is_new(watched, tmp_path, "fifth")]
    assert told == [True, False, True, False, True]


def test_a_retry_is_told_the_same_again(watched: RunConfig, tmp_path: Path) -> None:
    """The first try may have died before its asset was emitted."""
    told = [is_new(watched, tmp_path, by) for by in ("first", "first", "second", "second")]
    assert told == [True, True, False, False]
    assert not found_something_new(Home(tmp_path), "first")


def test_other_classes_of_the_same_files_are_new(watched: RunConfig, tmp_path: Path) -> None:
    is_new(watched, tmp_path, "first")
    patterns = {"preset": "custom", "covid_glob": "COVID/*", "normal_glob": "NORMAL/*"}
    assert is_new(make_config(watched.as_dict() | patterns), tmp_path, "second")


@pytest.mark.parametrize("setting", ["patients", "label_decisions"])
def test_tables_beside_the_images_are_watched_too(
    watched: RunConfig, tmp_path: Path, setting: str
) -> None:
    (tmp_path / "table.csv").write_text("path,patient\n")
    config = make_config(watched.as_dict() | {setting: str(tmp_path / "table.csv")})
    is_new(config, tmp_path, "first")
    (tmp_path / "table.csv").write_text("path,patient\nCOVID/1.png,7\n")
    assert is_new(config, tmp_path, "second")


def test_synthetic_images_are_not_watched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="never change"):
        is_new(make_config({}), tmp_path, "first")


def test_a_source_that_is_gone_is_an_error_and_nothing_is_remembered(
    watched: RunConfig, tmp_path: Path
) -> None:
    is_new(watched, tmp_path, "first")
    Path(watched.data).rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError):
        is_new(watched, tmp_path, "second")
    (tmp_path / "elsewhere").rename(watched.data)
    assert not is_new(watched, tmp_path, "third")


def test_a_look_by_hand_takes_nothing_from_the_dag(watched: RunConfig, tmp_path: Path) -> None:
    found = look(
        watched,
        Home(tmp_path),
        looked_by="",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        environ={},
        report=lambda _: None,
    )
    assert found
    assert is_new(watched, tmp_path, "first")
