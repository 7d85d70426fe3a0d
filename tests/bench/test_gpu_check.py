"""`make gpu-check` on the processor, on a few images: every part really runs."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.gpu_check.__main__ import main
from bench.gpu_check.check import NOT_RUN
from bench.gpu_check.children import DONE, Command, run_at_once
from bench.gpu_check.parts import ALL, PARTS
from bench.gpu_check.table import as_tables, faults
from cxr_tasks.variants import VARIANTS

FROZEN, WHOLE = "mobilenetv2_frozen", "vanilla_cnn"
LONG = """
import subprocess, sys
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
import time; time.sleep(600)
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("check") / "results.json"
    arguments = ["--images", "36", "--epochs", "2", "--seconds", "4000", "--out", str(out)]
    assert main([*arguments, "--variants", f"{WHOLE},{FROZEN}"]) == 0
    report: dict[str, Any] = json.loads(out.read_text())
    return report


@pytest.mark.slow
@pytest.mark.timeout(2100)
def test_every_measurement_is_there(checked: dict[str, Any]) -> None:
    parts = checked["parts"]
    assert list(parts) == list(PARTS)
    for part in ("float32", "mixed", "together"):
        for variant in (WHOLE, FROZEN):
            entry = parts[part][variant]
            assert (entry["status"], entry["finished"], entry["n_train"]) == (DONE, True, 27)
            assert len(entry["epoch_seconds"]) == 2
            assert 0 < entry["seconds_per_epoch"] < entry["training_seconds"]
            assert entry["peak_host_mb"] > 100
    frozen = parts["float32"][FROZEN]["frozen_pass"]
    assert frozen["cut_after"] == "average"
    assert 1 < frozen["images_per_second"] < 1e5
    assert parts["float32"][WHOLE]["frozen_pass"] is None
    assert parts["mixed"][WHOLE]["losses"] != parts["float32"][WHOLE]["losses"]
    together = parts["together"][ALL]
    alone = [sum(parts["float32"][variant]["epoch_seconds"]) for variant in (WHOLE, FROZEN)]
    assert together["one_after_another_seconds"] == pytest.approx(sum(alone), abs=0.01)
    assert set(together["epochs_slower_at_once"]) == {WHOLE, FROZEN}


@pytest.mark.slow
@pytest.mark.timeout(2100)
def test_killed_and_repeated_trainings_have_the_same_numbers(checked: dict[str, Any]) -> None:
    for variant in (WHOLE, FROZEN):
        resumed = checked["parts"]["resume"][variant]
        assert "SIGKILL" in resumed["first_try"]
        assert resumed["resumed_after_epoch"] == 1
        assert resumed["is_bit_equal"]
        assert checked["parts"]["together"][variant]["is_bit_equal"]
        scored = checked["parts"]["predictions"][variant]
        assert 0 <= scored["lowest_score"] <= scored["highest_score"] <= 1
        assert scored["full_float32"]["is_within"]
    assert faults(checked) == []


def test_without_time_every_measurement_is_named_as_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "results.json"
    assert main(["--seconds", "0", "--out", str(out)]) == 0
    parts = json.loads(out.read_text())["parts"]
    for part in PARTS:
        assert set(VARIANTS) <= set(parts[part])
        assert {entry["status"] for entry in parts[part].values()} == {NOT_RUN}
    told = capsys.readouterr().out
    assert f"resume, {FROZEN}: {NOT_RUN}" in told
    assert "No graphics card was used" in told


def test_names_that_do_not_exist_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--parts", "resume,speed"])
    assert "speed is not among float32, predictions" in capsys.readouterr().err


def test_a_process_that_takes_too_long_ends_with_all_it_started(tmp_path: Path) -> None:
    commands = {
        "long": Command(["-c", LONG], {}),
        "failing": Command(["-c", "raise ValueError('of its own')"], {}),
        "short": Command(
            ["-c", "import os, sys; sys.exit(os.environ['WANTED'] != 'yes')"], {"WANTED": "yes"}
        ),
    }
    ended = run_at_once(commands, logs=tmp_path, seconds=3)
    assert list(ended) == list(commands)
    assert ended["long"].status == "cut off after 3 s"
    assert "ValueError: of its own" in ended["failing"].status
    assert ended["short"].status == DONE
    sleeper = Path("/proc") / (tmp_path / "long.log").read_text().strip() / "stat"
    if sys.platform == "linux":
        assert not sleeper.exists() or sleeper.read_text().split()[2] == "Z"


def test_what_is_at_fault_is_named() -> None:
    entry = {"status": DONE, "is_bit_equal": False, "largest_score_difference": 0.02}
    wrong = {"largest_difference": 0.3, "tolerance": 1e-4, "is_within": False}
    right = {"largest_difference": 1e-6, "tolerance": 1e-4, "is_within": True}
    parts = {
        "float32": {WHOLE: {"status": "cut off after 9 s"}, FROZEN: {"status": NOT_RUN}},
        "predictions": {WHOLE: {"status": DONE, "full_float32": wrong, "as_trained": right}},
        "resume": {WHOLE: {**entry, "first_try": "done", "resumed_after_epoch": 0}},
    }
    report = {
        "parts": parts,
        "card": None,
        "backend": "jax",
        "n_images": 4,
        "batch_size": 2,
        "epochs": 1,
        "weights": "random",
    }
    assert faults(report) == [
        f"float32, {WHOLE}: cut off after 9 s",
        f"predictions, {WHOLE}: full_float32 differs from the processor by 0.3, not 1e-04",
        f"resume, {WHOLE}: other numbers than the undisturbed training (scores differ by 0.02)",
        f"resume, {WHOLE}: nothing was resumed; the first try: done",
    ]
    assert f"Fault: float32, {WHOLE}: cut off after 9 s" in as_tables(report)
