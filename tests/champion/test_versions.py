"""The champion's store: versions, the pointer with its history, rollback."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cxr_tasks.champion.describe import describe_champion
from cxr_tasks.champion.pointer import changing, history, serve, serving
from cxr_tasks.champion.restoring import restore_pointer, roll_back
from cxr_tasks.champion.version_record import VersionFacts
from cxr_tasks.champion.versions import put_version, remove_unserved, require_champion, versions
from cxr_tasks.errors import ArtifactError, ConfigError, DamagedError
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import draw_champion
from tests.made_facts import filled
from tests.stored import change_record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def put(home: Home, run_key: str) -> str:
    def build(built: Path, name: str) -> VersionFacts:
        (built / "model.keras").write_bytes(run_key.encode())
        return filled(VersionFacts, variant="vanilla_cnn", version=name, run_key=run_key)

    with changing(home):
        return put_version(
            home, run_key, inputs={}, config_fingerprint="c", seed=1, build=build, note=print
        )


def put_and_serve(home: Home, *run_keys: str) -> None:
    for run_key in run_keys:
        name = put(home, run_key)
        with changing(home):
            serve(home, name, action="promoted", reason=f"{run_key} is better", now=NOW)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_home_without_champion_says_so(home: Home) -> None:
    assert versions(home) == []
    assert history(home) == []
    with pytest.raises(ConfigError, match=r"There is no champion in .*\n.*audit"):
        require_champion(home)
    with pytest.raises(ConfigError, match="There is no champion in"):
        roll_back(home, None, now=NOW)


def test_version_serves_only_once_it_is_told_to(home: Home) -> None:
    put_and_serve(home, "one")
    assert put(home, "two") == "0002-two"
    assert (serving(home), versions(home)) == ("0001-one", ["0001-one"])
    champion = require_champion(home)
    assert champion.model_file.read_bytes() == b"one"
    assert (champion.record.version, champion.record.run_key) == ("0001-one", "one")


def test_history_says_what_served_when_and_why(home: Home) -> None:
    put_and_serve(home, "one", "two")
    assert [entry.content() for entry in history(home)] == [
        {
            "at": "2026-01-02T03:04:05+00:00",
            "action": "promoted",
            "version": "0001-one",
            "before": None,
            "reason": "one is better",
            "approval": None,
        },
        {
            "at": "2026-01-02T03:04:05+00:00",
            "action": "promoted",
            "version": "0002-two",
            "before": "0001-one",
            "reason": "two is better",
            "approval": None,
        },
    ]


def test_rollback_goes_back_step_by_step_and_is_written_down(home: Home) -> None:
    put_and_serve(home, "one", "two", "three")
    later = NOW + timedelta(days=1)
    assert roll_back(home, None, now=later).name == "0002-two"
    assert roll_back(home, None, now=later).name == "0001-one"
    assert serving(home) == "0001-one"
    assert [entry.action for entry in history(home)[3:]] == ["rolled back", "rolled back"]
    assert history(home)[3].reason == "Rolled back from 0003-three."
    assert history(home)[3].at == "2026-01-03T03:04:05+00:00"
    with pytest.raises(ConfigError, match=r"Nothing served before 0001-one(.|\n)*0003-three"):
        roll_back(home, None, now=later)


def test_rollback_behind_a_promotion_that_followed_a_rollback(home: Home) -> None:
    put_and_serve(home, "one", "two")
    roll_back(home, None, now=NOW)
    put_and_serve(home, "three")
    assert roll_back(home, None, now=NOW).name == "0001-one"


def test_rollback_to_a_named_version_and_to_the_one_in_service(home: Home) -> None:
    put_and_serve(home, "one", "two", "three")
    assert roll_back(home, "0001-one", now=NOW).name == "0001-one"
    assert roll_back(home, "0003-three", now=NOW).name == "0003-three"
    n_entries = len(history(home))
    assert roll_back(home, "0003-three", now=NOW).name == "0003-three"
    assert len(history(home)) == n_entries


@pytest.mark.parametrize("version", ["0009-none", "0002-unserved", "../runs", ""])
def test_only_what_has_served_can_serve_again(version: str, home: Home) -> None:
    put_and_serve(home, "one")
    put(home, "unserved")
    with pytest.raises(ConfigError, match=r"Nothing served before|There are: 0001-one\."):
        roll_back(home, version, now=NOW)
    assert serving(home) == "0001-one"


def test_damaged_champion_is_an_error_and_can_be_rolled_back_from(home: Home) -> None:
    put_and_serve(home, "one", "two")
    (home.champion / "0002-two" / "model.keras").write_bytes(b"other")
    with pytest.raises(ArtifactError, match=r"0002-two is damaged(.|\n)*champion --roll-back"):
        require_champion(home)
    assert roll_back(home, None, now=NOW).name == "0001-one"


def test_missing_champion_is_an_error(home: Home) -> None:
    put_and_serve(home, "one")
    (home.champion / "0001-one" / "version.json").unlink()
    with pytest.raises(ArtifactError, match=r"it has no version\.json"):
        require_champion(home)


def test_rollback_to_a_damaged_version_changes_nothing(home: Home) -> None:
    put_and_serve(home, "one", "two")
    (home.champion / "0001-one" / "model.keras").unlink()
    before = read_json(home.champion / "champion.json")
    with pytest.raises(ArtifactError, match="0001-one is damaged"):
        roll_back(home, None, now=NOW)
    assert read_json(home.champion / "champion.json") == before


@pytest.mark.parametrize("file", ["champion.json", "0001-one/version.json"])
def test_newer_schema_is_an_error(file: str, home: Home) -> None:
    put_and_serve(home, "one")
    path = home.champion / file
    change_record(path, schema_version=99)
    with pytest.raises(ArtifactError, match="schema version 99"):
        require_champion(home)


def test_half_written_pointer_is_an_error(home: Home) -> None:
    put_and_serve(home, "one")
    (home.champion / "champion.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"champion\.json cannot be read"):
        require_champion(home)


def test_only_unserved_versions_of_the_run_are_removed(home: Home) -> None:
    put_and_serve(home, "one")
    for run_key in ("one", "other", "one"):
        put(home, run_key)
    with changing(home):
        remove_unserved(home, "one")
    assert sorted(path.name for path in home.champion.glob("0*")) == ["0001-one", "0003-other"]


def test_number_of_a_deleted_version_is_not_given_again(home: Home) -> None:
    put_and_serve(home, "one", "two")
    roll_back(home, None, now=NOW)
    (home.champion / "0002-two").rename(home.root / "elsewhere")
    assert put(home, "three") == "0003-three"
    assert versions(home) == ["0001-one"]


def test_version_that_served_is_never_built_again(home: Home) -> None:
    put_and_serve(home, "one")
    assert put(home, "one") == "0002-one"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Home:
    key = "scheduled__2026-01-31T03-00-00-00-00-" + "x" * 70
    return draw_champion(tmp_path_factory.mktemp("described"), key)


def test_terminal_is_told_what_serves_with_its_figures(described: Home) -> None:
    text = describe_champion(described)
    assert max(len(line) for line in text.splitlines()) <= 100
    record = require_champion(described).record
    assert f"{record.headline.roc_auc.value:.3f}" in text
    assert "In service since 2026-01-02T03:04:05+00:00, promoted." in text
    assert "not a medical device" in text
    assert "this model itself was never scored" in text
    assert "champion --roll-back" in text


def test_terminal_is_told_of_a_damaged_champion(described: Home) -> None:
    (require_champion(described).folder / "pairs.csv").touch()  # what no record names is no matter
    assert "damaged" not in describe_champion(described)
    require_champion(described).model_file.write_bytes(b"other")
    text = describe_champion(described)
    assert "is damaged" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_terminal_is_told_that_there_is_none(home: Home) -> None:
    assert describe_champion(home).startswith("There is no champion yet.")


def test_keys_of_newer_code_stay_in_the_pointer(home: Home) -> None:
    put_and_serve(home, "one", "two")
    change_record(home.champion / "champion.json", future=1)
    roll_back(home, None, now=NOW)
    assert serving(home) == "0001-one"
    for name in ("champion.json", "champion-copy.json"):
        assert read_json(home.champion / name)["future"] == 1


def test_copy_of_a_newer_version_is_not_overwritten(home: Home) -> None:
    put_and_serve(home, "one", "two")
    copy = home.champion / "champion-copy.json"
    change_record(copy, schema_version=99)
    before = copy.read_bytes()
    with pytest.raises(ArtifactError, match="schema version 99"):
        roll_back(home, None, now=NOW)
    (home.champion / "champion.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match="schema version 99"):
        restore_pointer(home, note=print)
    assert copy.read_bytes() == before


@pytest.mark.parametrize("version", ["x", "0001", "../../etc", "/tmp", "0001-../x"])
def test_name_that_no_version_can_have_is_damage(version: str, home: Home) -> None:
    put_and_serve(home, "one")
    path = home.champion / "champion.json"
    entry = read_json(path)["history"][0] | {"version": version}
    change_record(path, version=version, history=[entry])
    with pytest.raises(DamagedError, match=r"champion\.json is not what"):
        require_champion(home)
    assert restore_pointer(home, note=print) == "0001-one"


def test_version_under_the_name_of_another_is_damage(home: Home) -> None:
    put_and_serve(home, "one", "two")
    shutil.rmtree(home.champion / "0002-two")
    shutil.copytree(home.champion / "0001-one", home.champion / "0002-two")
    with pytest.raises(DamagedError, match=r"its version\.json is that of 0001-one"):
        require_champion(home)


@pytest.mark.parametrize("name", ["champion.json", "champion-copy.json"])
def test_folder_in_place_of_the_pointer_is_told(name: str, home: Home) -> None:
    put_and_serve(home, "one", "two")
    (home.champion / name).unlink()
    (home.champion / name).mkdir()
    with pytest.raises(ArtifactError, match=rf"{name} (is a folder|cannot be read)"):
        roll_back(home, None, now=NOW)
    if name == "champion.json":
        with pytest.raises(ArtifactError, match="is a folder"):
            restore_pointer(home, note=print)
