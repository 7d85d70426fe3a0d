import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("shell", [["bash", "-uc"], ["sh", "-uc"]])
def test_activated_shell_has_airflow_and_the_project(shell: list[str]) -> None:
    if not (ROOT / ".venv" / "installed.lock").exists():
        pytest.skip("no .venv here: activate.sh would install for minutes")
    told = 'command -v airflow && echo "$CXR_HOME" && echo "$AIRFLOW__CORE__DAGS_FOLDER"'
    environ = {"PATH": os.defpath, "HOME": os.environ["HOME"]}
    done = subprocess.run(
        [*shell, f". ./activate.sh && {told}"],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        str(ROOT / ".venv" / "bin" / "airflow"),
        str(ROOT / "cxr-home"),
        str(ROOT / "dags"),
    ]


def test_wrong_python_is_refused(tmp_path: Path) -> None:
    for name in ("activate.sh", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    done = subprocess.run(
        ["/bin/bash", "-uc", ". ./activate.sh"],
        cwd=tmp_path, env={"PATH": os.defpath, "PYTHON": "false"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is not Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()
