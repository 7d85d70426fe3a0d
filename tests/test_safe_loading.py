"""Nothing that is loaded may run code: no pickle, no array with objects, no model with code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICKLES = {"pickle", "_pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
"""Modules that run what they read."""
FORBIDDEN = {
    "read_pickle": "runs what it reads",
    "unsafe_load": "runs what it reads",
    "enable_unsafe_deserialization": "lets models bring code",
}
LOADERS = {
    ("np", "load"): ("allow_pickle", False),
    ("numpy", "load"): ("allow_pickle", False),
    ("saving", "load_model"): ("safe_mode", True),
    ("models", "load_model"): ("safe_mode", True),
}
"""Functions with what they have to be told."""

MODULES = sorted(
    path
    for folder in ("cxr_tasks", "dags", "plugins", "bench", "chaos", "supply")
    for path in (ROOT / folder).rglob("*.py")
)


def faults(code: str) -> Iterator[str]:
    """Find what loads unsafely."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (f"imports {item.name}" for item in node.names if _is_pickle(item.name))
        if isinstance(node, ast.ImportFrom) and _is_pickle(node.module or ""):
            yield f"imports from {node.module}"
        if isinstance(node, ast.Call):
            yield from _faults_of_call(node)


def _is_pickle(module: str) -> bool:
    return module.partition(".")[0] in PICKLES


def _faults_of_call(call: ast.Call) -> Iterator[str]:
    owner, name = _called(call)
    if name in FORBIDDEN:
        yield f"{name} {FORBIDDEN[name]}"
    if owner == "torch" and name == "load":
        yield "torch.load runs what it reads"
    keyword, wanted = LOADERS.get((owner, name), ("", None))
    given = {item.arg or "": getattr(item.value, "value", None) for item in call.keywords}
    if keyword and given.get(keyword) is not wanted:
        yield f"{owner}.{name} without {keyword}={wanted}"
    for keyword, wanted in LOADERS.values():
        if keyword in given and given[keyword] is not wanted:
            yield f"{name} with another {keyword} than {wanted}"


def _called(call: ast.Call) -> tuple[str, str]:
    function = call.func
    if isinstance(function, ast.Name):
        return "", function.id
    if not isinstance(function, ast.Attribute):
        return "", ""
    owner = function.value
    return getattr(owner, "attr", getattr(owner, "id", "")), function.attr


def test_nothing_of_the_project_loads_unsafely() -> None:
    assert len(MODULES) > 100
    found = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in MODULES
        for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import joblib.memory as x",
        "from dill import loads",
        "def f():\n    import marshal",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=setting)",
        "np.lib.format.read_array(stream, allow_pickle=True)",
        "keras.saving.load_model(path)",
        "keras.saving.load_model(path, safe_mode=False)",
        "keras.models.load_model(path, compile=False)",
        "keras.config.enable_unsafe_deserialization()",
        "pd.read_pickle(path)",
        "torch.load(path)",
        "yaml.unsafe_load(text)",
    ],
)
def test_what_loads_unsafely_is_seen(code: str) -> None:
    assert list(faults(code))


def test_what_loads_safely_is_not() -> None:
    code = "np.load(path, mmap_mode='r', allow_pickle=False)\njson.load(stream)\nload_model(path)\n"
    code += "keras.saving.load_model(path, compile=False, safe_mode=True)"
    assert list(faults(code)) == []
