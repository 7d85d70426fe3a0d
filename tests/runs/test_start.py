from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.errors import ArtifactError, ConfigError, DamagedError
from cxr_tasks.machine import devices
from cxr_tasks.machine.devices import n_cores, n_training_threads
from cxr_tasks.runs import start
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.sealed import read_sealed
from tests.stored import change_record


def test_started_run_opens_with_its_configuration(tmp_path: Path) -> None:
    config = make_config({"seed": 5, "threads": 3})
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
    with pytest.raises(ConfigError, match="Known runs, the newest last: first"):
        open_run(Home(tmp_path), "second")


def test_home_that_is_a_file_is_an_error_about_the_volume(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ArtifactError, match="shared volume"):
        start_run(make_config({}), Home(tmp_path / "home"), "first")


def test_home_that_cannot_be_made_is_said() -> None:
    home = Home(Path("/proc/nowhere"))
    with pytest.raises((ConfigError, ArtifactError), match="The shared volume /proc/nowhere"):
        start_run(make_config({}), home, "first")


@pytest.fixture
def with_more_cores(monkeypatch: pytest.MonkeyPatch) -> int:
    """Pretend, once a run has begun, that another machine goes on with it: say how many cores."""
    n = 8 * n_cores()
    for module in (devices, start):
        monkeypatch.setattr(module, "n_cores", lambda: n)
    return n


def begun(home: Path, **settings: Any) -> int:
    start_run(make_config(settings), Home(home), "first")
    return open_run(Home(home), "first")[1].threads


def test_threads_of_a_run_stay_those_of_the_machine_that_began_it(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    here = n_training_threads()
    assert begun(tmp_path) == here
    described = read_sealed(Home(tmp_path).run("first").config)
    assert described["threads_from"] == f"the {n_cores()} cores of the machine that started it"
    assert "threads_from" not in described["config"]
    request.getfixturevalue("with_more_cores")
    assert n_training_threads() != here
    capsys.readouterr()
    assert begun(tmp_path) == here
    assert f"threads={here}, as the run began, by the" in capsys.readouterr().out
    assert begun(tmp_path / "other") == n_training_threads()


def test_other_threads_that_are_given_are_refused_with_whose_the_first_were(tmp_path: Path) -> None:
    here = begun(tmp_path)
    assert begun(tmp_path, threads=here) == here
    told = rf"threads was {here} \(by the {n_cores()} cores of .*\), now {here + 1}"
    with pytest.raises(ConfigError, match=told):
        begun(tmp_path, threads=here + 1)


def test_setting_of_newer_code_is_told_with_its_run(tmp_path: Path) -> None:
    run = start_run(make_config({}), Home(tmp_path), "first")
    change_record(run.config, config=read_json(run.config)["config"] | {"future": 5})
    with pytest.raises(DamagedError, match=r"first/config\.json: Unknown setting: 'future'"):
        open_run(Home(tmp_path), "first")
