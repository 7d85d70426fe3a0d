"""The tasks of a run by name, as its events and every view of it call them."""

from collections.abc import Mapping

from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import StageName

TRAININGS: tuple[str, ...] = tuple(f"train {variant}" for variant in VARIANTS)

STAGE_OF: Mapping[str, tuple[StageName, str | None]] = {
    "ingest": ("ingest", None),
    "split": ("split", None),
    "audit": ("audit", None),
    **{f"train {variant}": ("train", variant) for variant in VARIANTS},
    "evaluate": ("evaluate", None),
    "report": ("report", None),
    "promote": ("promote", None),
}
"""Those that are a stage, with its variant where it has one, in their order."""

TASKS: tuple[str, ...] = ("start", *list(STAGE_OF)[:-1], "gate", "promote")
"""All, with those that are none: what opens the run, and what lets only a whole one go on."""

UPSTREAM: Mapping[str, tuple[str, ...]] = {
    "start": (),
    "ingest": ("start",),
    "split": ("ingest",),
    "audit": ("split",),
    **dict.fromkeys(TRAININGS, ("split",)),
    "evaluate": ("audit", *TRAININGS),
    "report": ("evaluate",),
    "gate": ("report",),
    "promote": ("gate",),
}
"""What each waits for."""
