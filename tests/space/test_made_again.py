"""What was removed is made again when it is wanted, with the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.paths import Home
from tests.space.volume import ROOT, names
from tests.training.test_activations import dataset, prefix, wanted

SETTINGS = (
    "--phantom-images",
    "48",
    "--variants",
    "mobilenetv2_frozen",
    "--epochs",
    "2",
    "--weights",
    "random",
    "--threads",
    "2",
    "--force",
)


def test_activations_are_computed_again_and_are_the_same(tmp_path: Path) -> None:
    start_keras(threads=2, seed=0)
    first = wanted(tmp_path, prefix(), dataset())
    values = np.array(first.values)
    assert main(["space", "--home", str(tmp_path), "--free"], {}) == 0
    assert names(tmp_path / "cache" / "activations") == set()
    again = wanted(tmp_path, prefix(), dataset())
    assert again.n_computed == len(values)
    np.testing.assert_array_equal(again.values, values)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_after_it_has_the_same_numbers(tmp_path: Path) -> None:
    """Its activations are gone, since the newest run is of other images."""
    home = Home(tmp_path)
    run_all(home, "first")
    run_all(home, "other", "--seed", "7")
    assert main(["space", "--home", str(tmp_path), "--free"], {}) == 0
    shared = len(names(home.cache / "activations"))
    run_all(home, "again")
    assert len(names(home.cache / "activations")) > shared
    for file in ("train/mobilenetv2_frozen/history.csv", "audit/control_scores.csv"):
        first, again = (
            np.loadtxt(home.run(key).root / file, delimiter=",", dtype=str)
            for key in ("first", "again")
        )
        is_number = first[0] != "seconds"
        np.testing.assert_array_equal(first[:, is_number], again[:, is_number])


def run_all(home: Home, key: str, *settings: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cxr_tasks",
            "run",
            "--home",
            home.root,
            "--run",
            key,
            *SETTINGS,
            *settings,
        ],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
