"""Packages: nothing is installed that the locks do not name with its hash; licences are listed."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from supply.licences import LOCKS, ROOT, UNKNOWN, declared, licences_page, locked_packages
from supply.lock_beside import added

ALL_LOCKS = (*LOCKS, "requirements-lineage.lock", "requirements-supply.lock")
WRONG = "0" * 64


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Make the smallest wheel there can be."""
    path = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    path.parent.mkdir()
    facts = {
        "METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in facts.items():
            archive.writestr(f"tiny-1.0.dist-info/{name}", text)
    return path


def offline(wheel: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return kept | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
    }


def lock_of(digest: str, folder: Path) -> Path:
    path = folder / "requirements.lock"
    path.write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n")
    return path


def quick_python(folder: Path) -> Path:
    """Stand in for the interpreter: a new environment takes a moment, and has no pip of its own."""
    path = folder / "python"
    path.write_text(
        '#!/bin/sh\n[ "$2" != venv ] || { mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; exit; }\n'
        f'exec {sys.executable} "$@"\n'
    )
    path.chmod(0o755)
    return path


def test_activating_installs_nothing_with_another_hash(wheel: Path, tmp_path: Path) -> None:
    lock_of(WRONG, tmp_path)
    (tmp_path / "activate.sh").write_text((ROOT / "activate.sh").read_text())
    environ = {"PYTHON": str(quick_python(tmp_path)), "PIP_TARGET": str(tmp_path / "installed")}
    done = subprocess.run(
        ["/bin/bash", "-uc", ". ./activate.sh"],
        cwd=tmp_path,
        env=offline(wheel) | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "installed").exists()
    assert not (tmp_path / ".venv" / "installed.lock").exists()


@pytest.mark.parametrize("file", ["Dockerfile", "Makefile"])
def test_every_installation_of_a_lock_wants_hashes(file: str) -> None:
    commands = re.sub(r"\\\n", " ", (ROOT / file).read_text()).splitlines()
    installing = [line for line in commands if re.search(r"pip .*\binstall\b.*(?<!rm )-r ", line)]
    assert installing
    assert all("--require-hashes" in line for line in installing)


@pytest.mark.parametrize("lock", ALL_LOCKS)
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert [entry for entry in entries if not re.match(r"[\w.\[\],-]+==", entry)] == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_licences_are_of_exactly_the_locked_packages() -> None:
    locked = locked_packages((ROOT / lock).read_text() for lock in LOCKS)
    rows = re.findall(
        r"^\| (\S+) \| (\S.*?) \| (\S.*) \|$",
        (ROOT / "docs" / "licences.md").read_text(),
        re.MULTILINE,
    )
    listed = {name: set(versions.split(", ")) for name, versions, _ in rows if name != "package"}
    assert listed == locked


def test_a_lock_beside_another_has_what_that_lacks() -> None:
    base, more = "a==1 \\\n    --hash=sha256:0\n", "b==2 \\\n    --hash=sha256:1\n    # via a\n"
    assert added(base, base + more) == more
    with pytest.raises(ValueError, match="'a'"):
        added(base, "a==2\n")


def test_a_licence_that_nobody_declares_is_unknown() -> None:
    page = licences_page({"known": {"1.0"}, "silent": {"2.0"}}, {"known": "LGPL-3.0-only"})
    assert f"| silent | 2.0 | {UNKNOWN} |" in page
    assert f"- `silent`: {UNKNOWN}" in page
    assert "- `known`: LGPL-3.0-only" in page
    assert declared({"name": "silent"}) == UNKNOWN


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Traceback (most recent call last):\nConnectionError: no way", "Nothing was audited"),
        ("Found 1 known vulnerability in 1 package", "Found 1 known vulnerability"),
    ],
)
def test_an_audit_that_could_not_ask_fails_and_says_so(
    tmp_path: Path, said: str, told: str
) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    tool = tmp_path / "tools" / "pip-audit"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\nprintf '{said}\n' >&2\nexit 1\n")
    tool.chmod(0o755)
    made = ".venv-supply/installed.lock"
    done = subprocess.run(
        ["/usr/bin/env", "make", "audit-deps", "SUPPLY=tools", f"--old-file={made}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert told in done.stderr
    assert ("Nothing was audited" in done.stderr) == ("ConnectionError" in said)
