from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.defaults import DEFAULTS_FILE, check_schedule, read_defaults
from cxr_tasks.settings.form import form_fields


def defaults_file(folder: Path, text: str) -> dict[str, str]:
    (folder / "defaults.toml").write_text(text)
    return {"CXR_HOME": str(folder)}


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    defaults = read_defaults({"CXR_HOME": str(tmp_path)})
    assert (defaults.run, defaults.score, defaults.config.profile) == ({}, {}, "quickstart")


def test_the_form_begins_with_the_operators_values(tmp_path: Path) -> None:
    environ = defaults_file(
        tmp_path,
        'profile = "honest"\nsource = "folder"\ndata = "/x-rays"\nvariants = "vanilla_cnn"\n'
        '[score]\ndata = "/incoming"\n',
    )
    defaults = read_defaults(environ)
    fields = form_fields(defaults.run)
    begun = {name: fields[name]["default"] for name in ("profile", "data", "variants", "epochs")}
    assert begun == {
        "profile": "honest",
        "data": "/x-rays",
        "variants": ["vanilla_cnn"],
        "epochs": None,
    }
    assert defaults.config.folds == 5
    assert defaults.score == {"data": "/incoming"}


def test_another_file_can_be_named_and_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("seed = 7")
    environ = {"CXR_HOME": "/nowhere", DEFAULTS_FILE: str(tmp_path / "mine.toml")}
    assert read_defaults(environ).config.seed == 7
    with pytest.raises(ConfigError, match="cannot be read"):
        read_defaults(environ | {DEFAULTS_FILE: str(tmp_path / "other.toml")})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epoch = 3", "Unknown setting: 'epoch'"),
        ("epochs = -1", "epochs=-1"),
        ("epochs = ", "cannot be read"),
        ('source = "folder"', "without data"),
        ("score = 3", "[score] is 3"),
        ('[score]\nfolder = "x"', "[score] is {'folder': 'x'}"),
        ("[retention]\nkeep_runs = 0", "[retention] is {'keep_runs': 0}"),
    ],
)
def test_a_mistake_is_refused_and_the_file_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_defaults(defaults_file(tmp_path, text))
    assert told in str(caught.value)
    assert str(tmp_path / "defaults.toml") in caught.value.problem


def test_a_schedule_on_synthetic_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CXR_SCHEDULE is set"):
        check_schedule(read_defaults({"CXR_HOME": str(tmp_path)}), because="CXR_SCHEDULE is set")
    real = defaults_file(tmp_path, 'source = "folder"\ndata = "/x-rays"')
    check_schedule(read_defaults(real), because="CXR_SCHEDULE is set")
