"""`docker-compose.yaml` as the tests read it: its services, variables filled in."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<mark>:[-?])(?P<rest>[^}]*))?\}")


def read_compose() -> dict[str, Any]:
    """Read the file; variables are left as they are written."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return content


def read_service(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Give one service as the container gets it: variables filled in, `$$` one dollar."""
    service: dict[str, Any] = _filled(read_compose()["services"][name], values)
    return service


def read_env(path: Path) -> dict[str, str]:
    """Read a file as `docker compose` reads its `.env`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def variables(text: str) -> Iterator[tuple[str, str, str]]:
    """Give each variable of a text: its name, `:-` or `:?`, and what stands behind that."""
    for found in _VARIABLE.finditer(text):
        yield found["name"], found["mark"] or "", found["rest"] or ""


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, values) for value in node]
    if isinstance(node, str):
        return _VARIABLE.sub(lambda found: _value(found, values), node).replace("$$", "$")
    return node


def _value(found: "re.Match[str]", values: Mapping[str, str]) -> str:
    value = values.get(found["name"])
    if value:
        return value
    assert found["mark"] == ":-", f"{found['name']}: {found['rest']}"
    return str(found["rest"])
