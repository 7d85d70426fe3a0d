"""What of the image can be checked without building it."""

import fnmatch
import re
from collections.abc import Iterator

import pytest

from tests.deploy.compose_file import ROOT, read_compose

INSTRUCTIONS = {"FROM", "ARG", "RUN", "COPY", "ENV", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
KINDS = ("cpu", "gpu")


def instructions() -> Iterator[tuple[str, str]]:
    """Give each instruction's name and the rest of its line, continuations joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        name, rest = line.split(None, 1)
        yield name, " ".join(rest.split())


def all_of(wanted: str) -> list[str]:
    return [rest for name, rest in instructions() if name == wanted]


def test_only_known_instructions() -> None:
    assert {name for name, _ in instructions()} == INSTRUCTIONS


def test_base_is_pinned_by_its_digest() -> None:
    assert {base.split()[0] for base in all_of("FROM")} == {"${PYTHON_IMAGE}"}
    base = all_of("ARG")[0].removeprefix("PYTHON_IMAGE=")
    assert re.fullmatch(r"python:3\.1[1-3]\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)


def copied() -> Iterator[list[str]]:
    """Give what each instruction copies from this folder."""
    for rest in all_of("COPY"):
        if not rest.startswith("--from="):
            yield rest.replace("${BUILD}", "*").split()[:-1]


@pytest.mark.parametrize("sources", list(copied()))
def test_what_is_copied_exists_and_is_not_ignored(sources: list[str]) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    for source in sources:
        assert list(ROOT.glob(source)), source
        assert any(source == pattern or fnmatch.fnmatch(source, pattern) for pattern in allowed)


def test_nothing_but_what_is_copied_reaches_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set().union(*copied())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_lock_of_its_own_and_copies_no_other(kind: str) -> None:
    (lock,) = [source for each in copied() for source in each if source.endswith(".lock")]
    assert (ROOT / lock.replace("*", kind)).exists()
    assert "BUILD=cpu" in all_of("ARG")


def test_everything_installed_has_a_hash() -> None:
    (from_lock,) = [run for run in all_of("RUN") if re.search(r"\binstall\b.* -r \S+\.lock", run)]
    assert "--require-hashes --only-binary=:all:" in from_lock
    others = [run for run in all_of("RUN") if " pip " in run and run != from_lock]
    assert others
    assert all("--no-deps" in run for run in others)


def test_user_is_the_one_that_the_compose_file_names() -> None:
    assert all_of("USER") == [read_compose()["services"]["worker"]["user"]]


def test_both_builds_have_the_versions_that_are_tested() -> None:
    names = ("requirements.lock", "requirements-cpu.lock", "requirements-gpu.lock")
    tested, cpu, gpu = (_pins((ROOT / name).read_text(encoding="utf-8")) for name in names)
    assert cpu.items() < tested.items()
    assert not {"pytest", "mypy", "playwright"} & (cpu.keys() | gpu.keys())
    both = cpu.keys() & gpu.keys()
    assert {"tensorflow", "keras", "apache-airflow", "celery", "setuptools"} <= both
    assert {name: cpu[name] for name in both} == {name: gpu[name] for name in both}
    assert any(name.startswith("nvidia-") for name in gpu)


def _pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", lock, re.MULTILINE))
