"""The command as a whole, twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ["--images", "32", "--small-steps", "1", "--steps", "1"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_same_command_makes_the_same_file(tmp_path: Path) -> None:
    digests = []
    for name in ("first", "again"):
        out, record = tmp_path / f"{name}.weights.h5", tmp_path / f"{name}.json"
        place = ["--out", str(out), "--record", str(record), "--probe-images", "24"]
        subprocess.run([sys.executable, "-m", "bench.backbone", *SMALL, *place], check=True)
        digests.append(json.loads(record.read_text())["sha256"])
    assert digests[0] == digests[1]
    curve = json.loads((tmp_path / "first.json").read_text())["loss_curve"]
    assert [row["step"] for row in curve] == [2]
