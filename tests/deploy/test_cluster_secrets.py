import base64
from pathlib import Path

import pytest

from cxr_tasks.cli.cluster_secrets import SECRETS, env_text, example_text, make_env_file
from cxr_tasks.errors import ConfigError
from tests.deploy.compose_file import ROOT, read_env


def test_every_secret_is_drawn_anew_and_long_enough(tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    for path in (first, second):
        make_env_file(path)
    one, other = read_env(first), read_env(second)
    assert all(one[name] != other[name] and len(one[name]) >= 40 for name in SECRETS)
    assert len({one[name] for name in SECRETS}) == len(SECRETS)
    assert len(one["CXR_JWT_SECRET"]) >= 64
    assert len(base64.urlsafe_b64decode(one["CXR_FERNET_KEY"])) == 32


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    make_env_file(tmp_path / ".env")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_existing_file_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("CXR_JWT_SECRET=in use\n")
    with pytest.raises(ConfigError, match="exists"):
        make_env_file(path)
    assert path.read_text() == "CXR_JWT_SECRET=in use\n"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-folder does not exist"):
        make_env_file(tmp_path / "no-such-folder" / ".env")


def test_example_is_the_same_file_with_no_secret(tmp_path: Path) -> None:
    example = ROOT / ".env.example"
    assert example.read_text(encoding="utf-8") == example_text()
    made = tmp_path / ".env"
    made.write_text(env_text(), encoding="utf-8")
    assert read_env(made) == read_env(example) | {name: read_env(made)[name] for name in SECRETS}
    assert all(read_env(example)[name] == "" for name in SECRETS)
