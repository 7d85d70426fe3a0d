"""What of the image can be checked without building it."""

import fnmatch
import re
from collections.abc import Iterator

import pytest

from tests.deploy.compose_file import ROOT, read_compose

INSTRUCTIONS = {"FROM", "ARG", "RUN", "COPY", "ENV", "USER", "WORKDIR", "CMD"}


def instructions() -> Iterator[tuple[str, str]]:
    """Give each instruction's name and the rest of its line, continuations joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        name, rest = line.split(None, 1)
        yield name, rest.strip()


def all_of(wanted: str) -> list[str]:
    return [rest for name, rest in instructions() if name == wanted]


def test_only_known_instructions() -> None:
    assert {name for name, _ in instructions()} == INSTRUCTIONS


def test_base_is_pinned() -> None:
    (base,) = all_of("FROM")
    assert re.fullmatch(r"python:3\.1[1-3]\.\d+-slim-\w+", base)


@pytest.mark.parametrize("sources", [rest.split()[:-1] for rest in all_of("COPY")])
def test_what_is_copied_exists_and_is_not_ignored(sources: list[str]) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    for source in sources:
        assert list(ROOT.glob(source)), source
        assert any(source == pattern or fnmatch.fnmatch(source, pattern) for pattern in allowed)


def test_nothing_but_what_is_copied_reaches_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {source for rest in all_of("COPY") for source in rest.split()[:-1]}
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


def test_everything_installed_has_a_hash() -> None:
    (from_lock,) = [run for run in all_of("RUN") if "--requirement" in run or " -r " in run]
    assert "--require-hashes --only-binary=:all:" in from_lock
    others = [run for run in all_of("RUN") if "pip install" in run and run != from_lock]
    assert all("--no-deps" in run for run in others)


def test_user_is_the_one_that_the_compose_file_names() -> None:
    assert all_of("USER") == [read_compose()["services"]["worker"]["user"]]


def test_both_builds_have_the_same_versions() -> None:
    cpu, gpu = (
        _pins((ROOT / name).read_text(encoding="utf-8"))
        for name in ("requirements.lock", "requirements-gpu.lock")
    )
    both = cpu.keys() & gpu.keys()
    assert {"tensorflow", "keras", "apache-airflow", "celery", "setuptools"} <= both
    assert {name: cpu[name] for name in both} == {name: gpu[name] for name in both}
    assert any(name.startswith("nvidia-") for name in gpu)


def _pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", lock, re.MULTILINE))
