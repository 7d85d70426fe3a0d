from pathlib import Path

import pytest

from cxr_tasks.config import make_config
from cxr_tasks.errors import ArtifactError, ConfigError
from cxr_tasks.paths import Home
from cxr_tasks.runs import open_run, start_run


def test_started_run_opens_with_its_configuration(tmp_path: Path) -> None:
    config = make_config({"seed": 5})
    start_run(config, Home(tmp_path), "first")
    assert open_run(Home(tmp_path), "first")[1] == config


def test_same_name_with_other_settings_is_refused(tmp_path: Path) -> None:
    start_run(make_config({"seed": 5}), Home(tmp_path), "first")
    start_run(make_config({"seed": 5}), Home(tmp_path), "first")
    with pytest.raises(ConfigError, match="seed was 5, now 6"):
        start_run(make_config({"seed": 6}), Home(tmp_path), "first")


def test_missing_path_is_found_at_the_start(tmp_path: Path) -> None:
    config = make_config({"source": "zip", "data": "no/such.zip"})
    with pytest.raises(ConfigError, match=r"no/such\.zip"):
        start_run(config, Home(tmp_path), "first")
    assert not (tmp_path / "runs").exists()


def test_relative_paths_are_tied_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    start_run(make_config({"source": "folder", "data": "images"}), Home(tmp_path), "first")
    assert open_run(Home(tmp_path), "first")[1].data == str(tmp_path / "images")


def test_unknown_run_lists_the_known_ones(tmp_path: Path) -> None:
    start_run(make_config({}), Home(tmp_path), "first")
    with pytest.raises(ConfigError, match="Known runs: first"):
        open_run(Home(tmp_path), "second")


def test_home_that_is_a_file_is_an_error_about_the_volume(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ArtifactError, match="shared volume"):
        start_run(make_config({}), Home(tmp_path / "home"), "first")


def test_home_that_cannot_be_made_is_said() -> None:
    home = Home(Path("/proc/nowhere"))
    with pytest.raises((ConfigError, ArtifactError), match="The shared volume /proc/nowhere"):
        start_run(make_config({}), home, "first")
