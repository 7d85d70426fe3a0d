"""The licences of the locked packages as a table, for `docs/licences.md`.

`python -m supply.licences` prints it (`make licences`). Of packages that are installed pip-licenses
reads what they declare; of the rest (NVIDIA's libraries, packages for other versions of Python) pip
asks the package index for their metadata, without downloading them.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-gpu.lock")

_TOOLS = ROOT / ".venv-supply" / "bin"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_COPYLEFT = re.compile(r"GPL|MPL|Mozilla|GNU|EPL|EUPL|CDDL")
_PROPRIETARY = re.compile(r"proprietary", re.IGNORECASE)
_NEWEST_PYTHON = "3.13"

UNKNOWN = "unknown"

Licences = dict[str, str]


def locked_packages(texts: Iterable[str]) -> dict[str, set[str]]:
    """Read names and versions that locks pin; several versions where Python's decides."""
    found: dict[str, set[str]] = {}
    for text in texts:
        for name, version in _PINNED.findall(text):
            found.setdefault(_normal(name), set()).add(version)
    return found


def licences_page(locked: Mapping[str, set[str]], licences: Mapping[str, str]) -> str:
    """Lay out the page.

    Args:
        locked: Names and versions.
        licences: What packages declare, by name; one that is missing is unknown.
    """
    rows = [
        f"| {name} | {', '.join(sorted(versions))} | {licences.get(name, UNKNOWN)} |"
        for name, versions in sorted(locked.items())
    ]
    return "\n".join([*_head(locked, licences), *rows, ""])


def declared(metadata: Mapping[str, Any]) -> str:
    """Return which licence a package's metadata declare."""
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in metadata.get("classifier", ())
        if line.startswith("License ::")
    ]
    given = metadata.get("license_expression") or "; ".join(classifiers)
    first_line = (metadata.get("license") or "").strip().splitlines()[:1]
    return given or "".join(first_line)[:80] or UNKNOWN


def _head(locked: Mapping[str, set[str]], licences: Mapping[str, str]) -> list[str]:
    told = {name: licences.get(name, UNKNOWN) for name in sorted(locked)}
    return [
        "# Licences of the locked packages",
        "",
        f"What the {len(locked)} packages in {' and '.join(f'`{lock}`' for lock in LOCKS)}",
        "declare of themselves, as `make licences` finds it. Declarations are not always right,",
        "wheels may hold libraries under other licences, and this is no legal advice.",
        "",
        "Copyleft, in whole or by choice:",
        "",
        *_listed(told, _COPYLEFT),
        "",
        "Proprietary (in `requirements-gpu.lock` alone, for images that train on graphics cards):",
        "",
        *_listed(told, _PROPRIETARY),
        "",
        "Unknown, since they declare nothing:",
        "",
        *_listed(told, re.compile(f"^{UNKNOWN}$")),
        "",
        "| package | version | licence |",
        "|---|---|---|",
    ]


def _listed(told: Mapping[str, str], pattern: re.Pattern[str]) -> list[str]:
    named = [f"- `{name}`: {licence}" for name, licence in told.items() if pattern.search(licence)]
    return named or ["- none"]


def _installed_licences() -> Licences:
    done = subprocess.run(
        [
            _TOOLS / "pip-licenses",
            "--python",
            ROOT / ".venv" / "bin" / "python",
            "--with-system",
            "--format",
            "json",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return {_normal(row["Name"]): _known(row["License"]) for row in json.loads(done.stdout)}


def _licences_by_index(pinned: Mapping[str, set[str]]) -> Licences:
    """Ask the package index about packages that are not installed here."""
    asked = [f"{name}=={version}" for name, versions in pinned.items() for version in versions]
    if not asked:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                _TOOLS / "python",
                "-m",
                "pip",
                "install",
                "--dry-run",
                "--no-deps",
                "--quiet",
                "--ignore-installed",
                "--only-binary=:all:",
                "--python-version",
                _NEWEST_PYTHON,
                "--target",
                folder,
                "--report",
                "-",
                *asked,
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found = [item["metadata"] for item in json.loads(done.stdout)["install"]]
    return {_normal(metadata["name"]): declared(metadata) for metadata in found}


def _known(told: str) -> str:
    return UNKNOWN if told == "UNKNOWN" else " ".join(told.split())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _main() -> None:
    locked = locked_packages((ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS)
    licences = _installed_licences()
    rest = {name: versions for name, versions in locked.items() if name not in licences}
    print(licences_page(locked, licences | _licences_by_index(rest)), end="")


if __name__ == "__main__":
    _main()
