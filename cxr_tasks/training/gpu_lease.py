"""One graphics card for each training: a place on it is held as a file lock."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import product

from filelock import FileLock, Timeout

from cxr_tasks.machine.devices import n_gpus, n_trainings_per_gpu
from cxr_tasks.volume.paths import Home

VISIBLE_CARDS = "CUDA_VISIBLE_DEVICES"
"""NVIDIA's environment variable: the cards that a process sees."""

_POLL_SECONDS = 1.0


def usable_cards(environ: Mapping[str, str]) -> list[str]:
    """Return the cards of this machine that a training may use, as NVIDIA's variable names them."""
    named = environ.get(VISIBLE_CARDS)
    if named is None:
        return [str(number) for number in range(n_gpus())]
    return [card.strip() for card in named.split(",") if card.strip()] if n_gpus() else []


CardLease = Callable[[], str | None]
"""Waits for a place on a card and returns its name, each time the same; None without cards."""


@contextmanager
def process_card(
    home: Home, environ: Mapping[str, str], *, note: Callable[[str], None]
) -> Iterator[CardLease]:
    """Yield the card of all trainings of this process: leased for the first, held to the end.

    A backend keeps the card that it began with, and its memory there, as long as the process lives.

    Raises:
        ConfigError: The environment's number of trainings is none; raised by the lease.
    """
    lease = leased_card(usable_cards(environ), home=home, environ=environ, note=note)
    with ExitStack() as held:
        yield cache(lambda: held.enter_context(lease))


@contextmanager
def leased_card(
    cards: Sequence[str],
    *,
    home: Home,
    environ: Mapping[str, str],
    note: Callable[[str], None],
    poll_seconds: float = _POLL_SECONDS,
) -> Iterator[str | None]:
    """Hold a place on a card; wait while all are taken. Empty cards are taken first.

    The operating system frees the place when its holder ends, however it ends.

    Args:
        cards: Of this machine; without any, None is yielded at once.
        home: The shared volume, where the locks are.
        environ: May say how many trainings share a card.
        note: Called once where all places are taken.
        poll_seconds: Time between two looks for a free place.

    Raises:
        ConfigError: The environment's number of trainings is none.
    """
    if not cards:
        yield None
        return
    places = list(product(range(n_trainings_per_gpu(environ)), cards))
    waited = False
    while (held := _take_one(places, home)) is None:
        if not waited:
            note(f"all {len(places)} places on graphics cards are taken; waiting for one")
        waited = True
        time.sleep(poll_seconds)
    lock, card = held
    try:
        yield card
    finally:
        lock.release()


def _take_one(places: Sequence[tuple[int, str]], home: Home) -> tuple[FileLock, str] | None:
    home.locks.mkdir(parents=True, exist_ok=True)
    for number, card in places:
        # Other machines with the same volume have cards of the same numbers.
        path = home.locks / f"gpu-{socket.gethostname()}-{card}-{number}.lock"
        lock = FileLock(path, fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        return lock, card
    return None
