import os
import shutil
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
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
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
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHON": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is not Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()


# Stands in for the interpreter that makes a virtual environment, which takes minutes.
_INTERPRETER = """#!/bin/sh
[ "$2" = venv ] || exit 0
echo made >> made.txt
sleep 0.5
mkdir -p "$3/bin"
printf '#!/bin/sh\\n' | tee "$3/bin/python" > "$3/bin/airflow"
chmod +x "$3/bin/python" "$3/bin/airflow"
"""


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_two_shells_at_once_install_once(tmp_path: Path) -> None:
    for name in ("activate.sh", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "python").write_text(_INTERPRETER)
    (tmp_path / "python").chmod(0o755)
    environ = {"PATH": os.defpath, "PYTHON": "./python"}
    shells = [
        subprocess.Popen(["/bin/sh", "-uc", ". ./activate.sh"], cwd=tmp_path, env=environ)
        for _ in range(2)
    ]
    assert [shell.wait(timeout=60) for shell in shells] == [0, 0]
    assert (tmp_path / "made.txt").read_text() == "made\n"
