import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.cases import n_cases_by_subject

_CASES = "n_fuzz_cases"
MAX_GROWTH_KB = 700 << 10
"""An image of 40 megapixels in four colours of 16 bits takes most of it."""


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    if sys.platform == "linux":  # the peak counts from here on, not from a larger test before
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_GROWTH_KB


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that writes the summary, where pytest-xdist runs the cases in others."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_CASES] = dict(n_cases_by_subject)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    n_cases_by_subject.update(getattr(node, "workeroutput", {}).get(_CASES, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not n_cases_by_subject:
        return
    told = ", ".join(f"{subject} {n:,}" for subject, n in sorted(n_cases_by_subject.items()))
    terminalreporter.write_sep("=", "cases of fuzzing")
    terminalreporter.write_line(f"{n_cases_by_subject.total():,} in all: {told}")
