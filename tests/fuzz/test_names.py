"""Names of runs and batches: one safe folder below the shared volume, or `ConfigError`."""

import re
from contextlib import suppress
from pathlib import Path

from cxr_tasks.errors import ConfigError
from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.volume.paths import MAX_RUN_KEY_LENGTH, Home, run_key_from
from tests.fuzz.cases import fuzzed, texts, values

HOME = Home(Path("/volume"))


def check_place(folder: Path, name: str, parent: str) -> None:
    assert folder.parent == Path("/volume") / parent
    assert folder.name == name
    assert re.fullmatch(r"[\w.-]+", name, re.ASCII)
    assert len(name) <= MAX_RUN_KEY_LENGTH
    assert not name.startswith((".", "-"))


@fuzzed(name=texts)
def test_run_and_batch(name: str) -> None:
    with suppress(ConfigError):
        check_place(HOME.run(name).root, name, "runs")
    with suppress(ConfigError):
        check_place(HOME.scores(name), name, "scores")


@fuzzed(name=texts)
def test_name_from_airflow(name: str) -> None:
    key = run_key_from(name)
    check_place(HOME.run(key).root, key, "runs")


@fuzzed(value=values, run_id=texts)
def test_name_from_the_conf_of_a_run(value: object, run_id: str) -> None:
    asked = AirflowRun("cxr_pipeline", run_id, "success", {"run": value})
    with suppress(ConfigError):
        check_place(HOME.run(asked.key).root, asked.key, "runs")
