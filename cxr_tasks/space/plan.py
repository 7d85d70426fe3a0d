"""What would go: every choice is made from what the shared volume says at that moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.candidates import (
    REASONS,
    Candidate,
    Kind,
    of_activations,
    of_datasets,
    of_downloads,
    of_leftovers,
    of_runs,
)
from cxr_tasks.space.needs import champion_versions, needs
from cxr_tasks.space.retention import runs_beyond
from cxr_tasks.space.run_state import RunState, read_state, run_states
from cxr_tasks.volume.locks import is_taken
from cxr_tasks.volume.paths import Home


@dataclass(frozen=True)
class Choice:
    """What of one kind may go; `blocked` says why nothing of it may, where that is so."""

    candidates: Sequence[Candidate] = ()
    blocked: str = ""


@dataclass(frozen=True)
class Plan:
    """What may go from a shared volume.

    Attributes:
        home: The shared volume.
        retention: Which runs stay.
        now: In seconds since 1970.
        leftovers: What killed work left.
        scheduled_downloads: The Kaggle data sets of scheduled runs.
    """

    home: Home
    retention: Retention
    now: float
    leftovers: Sequence[Path]
    scheduled_downloads: frozenset[str]

    def choose(
        self,
        kind: Kind,
        states: Sequence[RunState] | None = None,
        *,
        held: frozenset[Path] = frozenset(),
    ) -> Choice:
        """Choose what of one kind may go.

        Args:
            kind: Which.
            states: The runs that count as there; None for those that are.
            held: Locks that the caller holds.
        """
        if kind == "leftover":
            return Choice(of_leftovers(self.home, self.leftovers))
        states = run_states(self.home) if states is None else states
        if kind == "run":
            return self._choose_runs(states, held)
        known = needs(self.home, states, scheduled_downloads=self.scheduled_downloads, now=self.now)
        if known.unknown:
            return Choice(blocked=known.unknown)
        return Choice(_OF_KIND[kind](self.home, known))

    def foresee(self) -> dict[Kind, Choice]:
        """Choose everything as if what is chosen were gone already."""
        states = run_states(self.home)
        gone = {candidate.path.name for candidate in self.choose("run", states).candidates}
        staying = [state for state in states if state.run.key not in gone]
        return {kind: self.choose(kind, states if kind == "run" else staying) for kind in REASONS}

    def _choose_runs(self, states: Sequence[RunState], held: frozenset[Path]) -> Choice:
        going = runs_beyond(
            states, champion_versions(self.home), retention=self.retention, now=self.now
        )
        locks = {s.run.key: s.run.lock("ingest") for s in states if going and not s.is_ingested}
        ingesting = [key for key, lock in locks.items() if lock not in held and is_taken(lock)]
        if ingesting:
            # it may just be finding out that it would repeat one of these
            return Choice(blocked=f"The run {ingesting[0]} is being ingested.")
        unknown = [s.problem for s in states if going and s.problem and s not in going]
        if unknown:
            # it may have the results of one of these
            return Choice(blocked=unknown[0])
        again = [read_state(s.run) if s.run.key in locks else s for s in states]
        if any(s.is_ingested for s in again if s.run.key in locks):  # between the two looks
            return self._choose_runs(again, held)
        return Choice(of_runs(going))


_OF_KIND: dict[Kind, Callable[..., list[Candidate]]] = {
    "data set": of_datasets,
    "activations": of_activations,
    "Kaggle download": of_downloads,
}
