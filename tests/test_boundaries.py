"""`cxr_tasks` never imports Airflow; the DAG and the plugin never import TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

_WATCH = """
import importlib.abc, sys
class Ban(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {banned!r}:
            raise SystemExit(f"{{name}} was imported")
sys.meta_path.insert(0, Ban())
"""


def run_with_ban(code: str, banned: set[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WATCH.format(banned=banned) + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "cxr_tasks").rglob("*.py")
    if "__" not in path.stem
)


def test_no_module_of_cxr_tasks_imports_airflow() -> None:
    code = "".join(f"import {name}\n" for name in MODULES)
    done = run_with_ban(code, {"airflow"})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_dag_and_plugin_import_nothing_heavy(folder: str) -> None:
    files = sorted(map(str, (ROOT / folder).rglob("*.py")))
    assert files
    code = f"import runpy, sys; sys.path.insert(0, {folder!r})\n"
    code += "".join(f"runpy.run_path({file!r})\n" for file in files)
    done = run_with_ban(code, {"tensorflow", "keras", "pandas", "matplotlib", "sklearn"})
    assert done.returncode == 0, done.stderr


def test_the_ban_is_seen_to_work() -> None:
    assert run_with_ban("import json", {"json.decoder"}).returncode == 0
    assert "colorsys was imported" in run_with_ban("import colorsys", {"colorsys"}).stderr


def test_command_line_starts_without_heavy_libraries() -> None:
    code = "from cxr_tasks.cli.main import make_parser; make_parser()"
    done = run_with_ban(code, {"tensorflow", "keras", "pandas", "matplotlib", "sklearn"})
    assert done.returncode == 0, done.stderr
