"""Many images decoded by all cores, in order, in flat memory."""

import hashlib
import multiprocessing
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection
from threading import Thread

from cxr_tasks.data.images import DecodedImage, decode_image
from cxr_tasks.data.unusable import UnusableImage
from cxr_tasks.sources.candidates import Candidate
from cxr_tasks.sources.source import Reader

MIN_IMAGES_FOR_POOL = 64
"""Below this, starting worker processes takes longer than they save."""

_WAITING_PER_WORKER = 4


@dataclass(frozen=True)
class Accepted:
    """A candidate that is an image."""

    candidate: Candidate
    image: DecodedImage
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Rejected:
    """A candidate that cannot be used."""

    candidate: Candidate
    reason: str


def decode_all(
    source: Reader, candidates: Sequence[Candidate], *, n_workers: int
) -> Generator[Accepted | Rejected, None, None]:
    """Read and decode candidates in worker processes; what comes out is in their order."""
    if n_workers == 1 or len(candidates) < MIN_IMAGES_FOR_POOL:
        yield from (decode_candidate(source, candidate) for candidate in candidates)
        return
    with _workers(source, n_workers) as pool:
        todo = iter(candidates)
        waiting: deque[Future[Accepted | Rejected]] = deque()
        first = islice(todo, n_workers * _WAITING_PER_WORKER)
        waiting.extend(pool.submit(_decode_in_worker, candidate) for candidate in first)
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(_decode_in_worker, item) for item in islice(todo, 1))


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
    return Accepted(candidate, image, len(content), hashlib.sha256(content).hexdigest())


@contextmanager
def _workers(source: Reader, n_workers: int) -> Iterator[ProcessPoolExecutor]:
    # spawn: a fork of a process with threads may hang
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        n_workers, mp_context=context, initializer=_start_worker, initargs=(source,)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


_source: Reader | None = None
"""What this worker process reads from."""


def _start_worker(source: Reader) -> None:
    global _source
    _source = source
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Do not outlive a parent that was killed and could not stop its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _decode_in_worker(candidate: Candidate) -> Accepted | Rejected:
    if _source is None:
        raise RuntimeError("a worker process decodes only after _start_worker")
    return decode_candidate(_source, candidate)
