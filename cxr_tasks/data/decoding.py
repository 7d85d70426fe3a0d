"""Many images decoded by all cores, in order, in flat memory."""

import hashlib
import multiprocessing
import signal
import traceback
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from cxr_tasks.data.file_formats import UnusableImage
from cxr_tasks.data.images import DecodedImage, decode_image
from cxr_tasks.data.mask_decoding import Mask, decode_mask
from cxr_tasks.data.sources.candidates import Candidate
from cxr_tasks.data.sources.source import Reader

MIN_IMAGES_FOR_POOL = 64
"""Below this, starting worker processes takes longer than they save."""

_AHEAD_PER_WORKER = 4
"""Candidates a worker is given before its first result is taken."""


@dataclass(frozen=True)
class Accepted:
    """A candidate that is an image."""

    candidate: Candidate
    image: DecodedImage
    n_bytes: int
    sha256: str
    mask: Mask | None = None  # of the lungs
    mask_fault: str = ""  # why it has none, although there is a file


@dataclass(frozen=True)
class Rejected:
    """A candidate that cannot be used."""

    candidate: Candidate
    reason: str


def decode_all(
    source: Reader, candidates: Sequence[Candidate], *, n_workers: int
) -> Generator[Accepted | Rejected, None, None]:
    """Read and decode candidates in worker processes; what comes out is in their order.

    Raises what reading a source raises, and BrokenProcessPool where a worker was killed.
    """
    if n_workers == 1 or len(candidates) < MIN_IMAGES_FOR_POOL:
        yield from (decode_candidate(source, candidate) for candidate in candidates)
        return
    n_ahead = n_workers * _AHEAD_PER_WORKER
    with _workers(source, n_workers) as workers:
        for place in range(len(candidates) + n_ahead):
            worker = workers[place % n_workers]
            outcome: Accepted | Rejected | Exception | None = None
            try:
                if place >= n_ahead:
                    outcome = worker.recv()
                if place < len(candidates):
                    worker.send(candidates[place])
            except (EOFError, OSError) as err:
                raise BrokenProcessPool("A process that decodes images was killed") from err
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                yield outcome


def decode_candidate(source: Reader, candidate: Candidate) -> Accepted | Rejected:
    """Read and decode one candidate."""
    try:
        candidate.path.encode()
    except UnicodeEncodeError:
        return Rejected(candidate, "file name is not Unicode")
    try:
        content = source.read(candidate)
        image = decode_image(content)
    except UnusableImage as err:
        return Rejected(candidate, err.reason)
    mask, fault = _mask_of(source, candidate, image)
    sha256 = hashlib.sha256(content).hexdigest()
    return Accepted(candidate, image, len(content), sha256, mask, fault)


def _mask_of(source: Reader, candidate: Candidate, image: DecodedImage) -> tuple[Mask | None, str]:
    """Read and decode the mask of an image; return also why it cannot be used."""
    if not candidate.mask:
        return None, ""
    try:
        content = source.read(replace(candidate, path=candidate.mask))
        return decode_mask(content, width=image.width, height=image.height), ""
    except UnusableImage as err:
        return None, err.reason


@contextmanager
def _workers(source: Reader, n_workers: int) -> Iterator[list[Connection]]:
    """Processes that decode what they are sent, each at the end of a pipe of its own.

    Not a ProcessPoolExecutor: its workers share one pipe, and where one is killed in the middle
    of a result, the others keep that pipe open and the pool waits for the rest without end.
    """
    # spawn: a fork of a process with threads may hang, and would inherit the others' pipes
    context = multiprocessing.get_context("spawn")
    workers: list[Connection] = []
    processes = []
    try:
        for _ in range(n_workers):
            worker, end = context.Pipe()
            workers.append(worker)
            processes.append(context.Process(target=_decode_in_worker, args=(source, end)))
            processes[-1].start()
            end.close()
        yield workers
    finally:
        for worker in workers:
            worker.close()
        for process in processes:
            process.join()


def _decode_in_worker(source: Reader, end: Connection) -> None:
    # Ctrl-C is the parent's to answer. The pipe closes with it, also where it is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):
        while True:
            end.send(_outcome(source, end.recv()))


def _outcome(source: Reader, candidate: Candidate) -> Accepted | Rejected | Exception:
    try:
        return decode_candidate(source, candidate)
    except Exception as err:
        err.add_note(f"in a process that decodes images:\n{traceback.format_exc()}")
        return err
