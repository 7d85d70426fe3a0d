"""Removes what may go: under the locks of its makers, each thing whole or not at all, and once."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cxr_tasks.space.candidates import PLURALS, REASONS, Candidate, Kind
from cxr_tasks.space.plan import Plan
from cxr_tasks.volume.files import locked
from cxr_tasks.volume.leftovers import REMOVED, owner_of
from cxr_tasks.volume.locks import Holder
from cxr_tasks.volume.size import as_size, weigh

_N_LOCKS_AT_ONCE = 256
"""Each is an open file, of which a process may often have 1,024; a run with folds has dozens."""

Note = Callable[[str], object]


@dataclass
class Freed:
    """What became of the candidates.

    Attributes:
        n_bytes: How many bytes were freed, by kind.
        n: How many things went, by kind.
        in_use: Those that somebody was working on.
        failed: Those that could not be removed, and why.
    """

    n_bytes: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    n: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    in_use: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def free(plan: Plan, *, note: Note) -> Freed:
    """Remove everything that may go, one kind after another; a second process waits.

    Args:
        plan: Says what may go.
        note: Told each thing that is removed, or left and why.
    """
    freed = Freed()
    lock = plan.home.locks / "space.lock"
    with locked(lock, on_wait=lambda: note("another process is freeing space; waiting")):
        for kind in REASONS:
            choice = plan.choose(kind)
            if choice.blocked:
                note(f"left: all {PLURALS[kind]}. {choice.blocked}")
            for some in _batches(choice.candidates):
                for candidate, path in _set_aside(plan, kind, some, freed, note):
                    _delete(candidate, path, freed, note, name=_name(plan, candidate))
    return freed


def _batches(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Put candidates together while their locks are few enough; one alone may have more."""
    batch: list[Candidate] = []
    n_locks = 0
    for candidate in candidates:
        if batch and n_locks + len(candidate.locks) > _N_LOCKS_AT_ONCE:
            yield batch
            batch, n_locks = [], 0
        batch.append(candidate)
        n_locks += len(candidate.locks)
    if batch:
        yield batch


def _set_aside(
    plan: Plan, kind: Kind, candidates: Sequence[Candidate], freed: Freed, note: Note
) -> list[tuple[Candidate, Path]]:
    """Rename what nobody works on and what may still go, so that no reader sees half of it.

    The locks are held only for that: a maker that waits for one then finds the thing gone.
    """
    with ExitStack() as stack:
        holder = Holder(stack)
        free_now = [each for each in candidates if _take(plan, each, holder, freed, note)]
        # chosen again now that no maker can change it any more
        choice = plan.choose(kind, held=holder.held)
        still = {candidate.path for candidate in choice.candidates}
        chosen = [candidate for candidate in free_now if candidate.path in still]
        return [pair for candidate in chosen for pair in _renamed(candidate, freed, note)]


def _take(plan: Plan, candidate: Candidate, holder: Holder, freed: Freed, note: Note) -> bool:
    try:
        if holder.take_all(candidate.locks):
            return True
    except OSError as err:
        _fail(candidate, err, freed, note)
        return False
    freed.in_use.append(candidate.path)
    note(f"in use, left: {_name(plan, candidate)}")
    return False


def _renamed(candidate: Candidate, freed: Freed, note: Note) -> Iterator[tuple[Candidate, Path]]:
    path = candidate.path
    aside = path.with_name(f".{owner_of(path.name) or path.name}.{REMOVED}-{secrets.token_hex(4)}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    except OSError as err:
        _fail(candidate, err, freed, note)
        return
    yield candidate, aside


def _delete(candidate: Candidate, path: Path, freed: Freed, note: Note, *, name: str) -> None:
    n_bytes = weigh(path).n_free_bytes
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as err:
        _fail(candidate, err, freed, note)
        return
    freed.n[candidate.kind] += 1
    freed.n_bytes[candidate.kind] += n_bytes
    note(f"removed: {name}, {as_size(n_bytes)}")


def _name(plan: Plan, candidate: Candidate) -> str:
    return str(candidate.path.relative_to(plan.home.root))


def _fail(candidate: Candidate, err: OSError, freed: Freed, note: Note) -> None:
    told = f"{candidate.kind} {candidate.path}: {err.strerror}"
    freed.failed.append(told)
    note(f"not removed: {told}")
