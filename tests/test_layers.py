"""The parts of `cxr_tasks` import downwards only, in the order of the package's own docstring."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import cxr_tasks

PACKAGE = Path(cxr_tasks.__file__).parent
LAYERS = re.findall(r"^ {4}(\w+) {2,}\S", cxr_tasks.__doc__ or "", flags=re.MULTILINE)


def upward_imports(package: Path, layers: list[str]) -> Iterator[str]:
    """Return each import of a part by one that stands above it, inside functions too."""
    level = {name: number for number, name in enumerate(layers)}
    for path in sorted(package.rglob("*.py")):
        part = path.relative_to(package).with_suffix("").parts[0]
        if part.startswith("__"):
            continue
        for imported in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            if level[imported] > level[part]:
                yield f"{path.relative_to(package)} imports {imported}"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("cxr_tasks."):
                yield name.split(".")[1]


def test_the_list_names_every_part() -> None:
    parts = {
        path.stem
        for path in PACKAGE.iterdir()
        if not path.name.startswith("__") and (path.is_dir() or path.suffix == ".py")
    }
    assert sorted(LAYERS) == sorted(parts)


def test_no_part_imports_one_above_it() -> None:
    assert list(upward_imports(PACKAGE, LAYERS)) == []


def test_an_upward_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "files.py").write_text(
        "import cxr_tasks.errors\ndef late():\n    from cxr_tasks.site import pages\n"
    )
    found = list(upward_imports(tmp_path, LAYERS))
    assert found == [f"{Path('volume', 'files.py')} imports site"]
