from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.volume.paths import Home, run_key_from


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".hidden", "a b", "x;rm", "$(x)", "a\nb", "ä", "x" * 121]
)
def test_unsafe_run_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        Home(Path("/nowhere")).run(name)


def test_airflow_run_id_becomes_a_folder_name() -> None:
    key = run_key_from("scheduled__2026-01-31T03:00:00+00:00")
    assert key == "scheduled__2026-01-31T03-00-00-00-00"
    assert run_key_from("../../etc") == "etc"


def test_run_stays_below_the_home() -> None:
    run = Home(Path("/home")).run("first")
    assert run.train("vanilla_cnn") == Path("/home/runs/first/train/vanilla_cnn")
    assert run.error("train", "vanilla_cnn").parent == run.root / "train"
