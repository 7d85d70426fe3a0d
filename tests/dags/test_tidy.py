"""The DAG that frees space, really run."""

from pathlib import Path

import pytest

from cxr_tasks.volume.paths import Home
from tests.dags.airflow_cli import dags_test
from tests.space.volume import keys, names, put_dataset, put_run


@pytest.mark.slow
def test_the_dag_frees_space_by_the_operators_rule(
    airflow_environ: dict[str, str], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    for days_ago in (30, 20, 10):
        put_dataset(home, f"of-{days_ago}")
        put_run(home, f"run-{days_ago}", days_ago=days_ago, dataset=f"of-{days_ago}")
    (home.root / "defaults.toml").write_text("[retention]\nkeep_runs = 1\nkeep_days = 25\n")
    environ = airflow_environ | {"CXR_HOME": str(home.root)}
    done = dags_test("cxr_tidy", {}, environ, expected=0)
    told = done.stdout + done.stderr
    assert "removed: runs/run-30, " in told
    assert "removed: datasets/of-30, " in told
    assert keys(home) == {"run-20", "run-10"}
    assert names(home.datasets) == {"of-20", "of-10"}
