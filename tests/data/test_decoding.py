"""Many images decoded in worker processes: in order, little ahead, and what ends a worker."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from cxr_tasks.data.decoding import Accepted, Rejected, decode_all
from cxr_tasks.data.sources.candidates import Candidate, Listing
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.errors import SourceError
from cxr_tasks.machine.memory import ran_out
from cxr_tasks.settings.presets import PRESETS
from tests.data.test_ingest import BAD, ROOT
from tests.image_files import class_files, encode, make_files, picture


def test_worker_processes_give_the_same_in_the_same_order(tmp_path: Path) -> None:
    files = class_files(n_covid=40, n_normal=40) | BAD
    source = FolderSource(make_files(tmp_path, files), PRESETS["study"])
    candidates = source.listing().candidates
    alone, together = (
        list(decode_all(source, candidates, n_workers=n_workers)) for n_workers in (1, 2)
    )
    assert [outcome.candidate for outcome in together] == list(candidates)
    for one, other in zip(alone, together, strict=True):
        assert summary(one) == summary(other)


def summary(outcome: Accepted | Rejected) -> tuple[object, ...]:
    if isinstance(outcome, Rejected):
        return (outcome.candidate, outcome.reason)
    return (outcome.sha256, outcome.image.phash, outcome.image.pixels.tobytes())


@dataclass
class CountingSource:
    """Writes down every read, in whichever process."""

    log: Path
    synthetic: bool = True
    description: str = "counted"
    content: bytes = field(default_factory=lambda: encode(picture()))

    def digest(self) -> str:
        return ""

    def listing(self) -> Listing:
        return Listing(tuple(Candidate(str(k), k % 2, "") for k in range(200)))

    def read(self, candidate: Candidate) -> bytes:  # noqa: ARG002 - as the protocol has it
        with self.log.open("ab") as stream:
            stream.write(b".")
        return self.content


def test_little_is_decoded_ahead_of_what_is_taken(tmp_path: Path) -> None:
    source = CountingSource(tmp_path / "log")
    outcomes = decode_all(source, source.listing().candidates, n_workers=2)
    next(outcomes)
    time.sleep(0.5)
    assert source.log.stat().st_size <= 8
    outcomes.close()


class BrokenPipeSource(CountingSource):
    """Ends its process in the middle of what that sends next."""

    def read(self, candidate: Candidate) -> bytes:
        if candidate.path == "100":
            Connection._send = half_of_it  # type: ignore[attr-defined]
        return super().read(candidate)


def half_of_it(self: Connection, content: bytes) -> None:
    os.write(self.fileno(), content[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


# A pool of processes waits for the other half without end, and so does whoever interrupts that.
@pytest.mark.timeout(60, method="thread")
def test_worker_that_is_killed_in_the_middle_of_a_result_is_noticed(tmp_path: Path) -> None:
    source = BrokenPipeSource(tmp_path / "log")
    with pytest.raises(BrokenProcessPool):
        list(decode_all(source, source.listing().candidates, n_workers=2))


def test_worker_that_is_killed_counts_as_memory_that_ran_out(tmp_path: Path) -> None:
    """The kernel may choose a worker where memory runs out."""
    source = CountingSource(tmp_path / "log")
    decoded = decode_all(source, source.listing().candidates, n_workers=2)
    next(decoded)
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    with pytest.raises(BrokenProcessPool) as caught:
        list(decoded)
    assert ran_out(caught.value)


class BrokenSource(CountingSource):
    """Cannot be read any more after a while."""

    def read(self, candidate: Candidate) -> bytes:
        if candidate.path == "150":
            raise SourceError("The drive is gone", rule="it stays", remedy="plug it in")
        return super().read(candidate)


def test_error_of_a_worker_is_raised_where_its_result_is_due(tmp_path: Path) -> None:
    source = BrokenSource(tmp_path / "log")
    decoded = decode_all(source, source.listing().candidates, n_workers=2)
    assert len(list(islice(decoded, 150))) == 150
    with pytest.raises(SourceError, match="The drive is gone") as caught:
        next(decoded)
    assert "test_decoding.py" in "".join(caught.value.__notes__)


def test_what_workers_import_is_light() -> None:
    code = "import cxr_tasks.data.ingest, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert {"tensorflow", "keras", "pandas", "matplotlib", "sklearn"}.isdisjoint(
        done.stdout.split()
    )
