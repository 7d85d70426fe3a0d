"""A run of profile `honest` from start to report, twice: stage by stage, and as `run` does it.

Stage by stage, one follows the other and every fold is a process of its own. `run` lets folds
share their training's process, and the audit run beside the trainings. The numbers are the same
either way, so that the difference is time alone. Processor seconds are those of all threads and
worker processes.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.child import run_python
from bench.images import BenchImages
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home

VARIANT = "mobilenetv2_frozen"
_N_FOLDS = 5

Cost = dict[str, float]


def measure_whole_run(
    images: BenchImages, *, scratch: Path, report: Callable[[str], None], **settings: object
) -> dict[str, Any]:
    """Time both ways, each in a shared volume of its own.

    Args:
        images: What is ingested; without weights the profile is `quickstart`, with as many folds.
        scratch: Where both volumes are made.
        report: Told what is measured now.
        settings: Others than the profile's own.

    Raises:
        StageError: A stage failed.
    """
    given: dict[str, object] = {
        "profile": "honest" if images.weights else "quickstart",
        "source": "folder",
        "data": str(images.folder),
        "folds": _N_FOLDS,
        "variants": VARIANT,
        "weights": str(images.weights) if images.weights else "random",
        **settings,
    }
    apart, together = scratch / "stage-by-stage", scratch / "as-run"
    start_run(make_config(given), Home(apart), "bench")
    stages: dict[str, Cost] = {}
    for name, arguments in _stages(int(str(given["folds"]))):
        report(f"whole run, stage by stage: {name}")
        stages[name] = _cost(arguments, apart)
    report("whole run, as `run` does it")
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in given.items()]
    return {
        "stages": stages,
        "stage_by_stage": {
            key: round(sum(cost[key] for cost in stages.values()), 1)
            for key in ("seconds", "cpu_seconds")
        },
        "as_run": _cost(["run", *flags], together),
    }


def _stages(n_folds: int) -> Iterator[tuple[str, list[str]]]:
    """Return each stage's name, and its command."""
    of_variant = ["--variant", VARIANT]
    yield from ((name, [name]) for name in ("ingest", "split", "audit"))
    for number in range(1, n_folds + 1):
        yield f"fold {number}", ["fold", *of_variant, "--fold", str(number)]
    yield "final fit", ["train", *of_variant]
    yield from ((name, [name]) for name in ("evaluate", "report", "promote"))


def _cost(arguments: Sequence[str], home: Path) -> Cost:
    started, used = time.monotonic(), _cpu_seconds_of_children()
    run_python(["-m", "cxr_tasks", *arguments, "--run", "bench", "--home", str(home)])
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(_cpu_seconds_of_children() - used, 1),
    }


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
