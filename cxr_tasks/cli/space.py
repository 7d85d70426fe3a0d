"""The command `space`: what uses how much of the shared volume, and what of it may go."""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ArtifactError, ConfigError, first_few
from cxr_tasks.settings.defaults import Retention, make_retention, read_defaults
from cxr_tasks.space.freeing import Plan, free
from cxr_tasks.space.overview import (
    describe_choices,
    describe_freed,
    describe_largest_runs,
    describe_usage,
    list_choices,
)
from cxr_tasks.space.rules import RULE
from cxr_tasks.space.run_state import downloads_of, run_states
from cxr_tasks.space.usage import measure_usage
from cxr_tasks.volume.locks import is_volume_in_use
from cxr_tasks.volume.paths import Home

_DESCRIPTION = (
    "Show what uses how much of the shared volume, and how much could be freed. With --free it "
    "removes, for good: what killed work left; data sets that no run and no champion version "
    "names; activations and lung masks of images that are not used soon again; "
    "Kaggle downloads that no run and no schedule comes from; and runs beyond the rule below. "
    "While anybody works on the volume nothing goes: it waits for a moment at which nobody does if "
    "--wait says so, and otherwise ends. Champion versions (a retired one may serve again), scores "
    "and backbone weights never go.\n\n"
    f"{RULE} Both numbers are read from the table [retention] of defaults.toml; a flag counts "
    "more."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--free", action="store_true", help="remove what may go")
    parser.add_argument(
        "--dry-run", action="store_true", help="list what --free would remove; change nothing"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="how long --free waits for a moment at which nobody works on the volume; default: 0",
    )
    parser.add_argument("--keep-runs", type=int, metavar="N", help="how many runs stay")
    parser.add_argument("--keep-days", type=int, metavar="D", help="for how many days runs stay")


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    _check_home(home)
    defaults = read_defaults({**environ, "CXR_HOME": str(home.root)})
    usage = measure_usage(home)
    plan = Plan(
        home,
        _retention(options, defaults.retention),
        now=time.time(),
        leftovers=usage.leftovers,
        scheduled_downloads=downloads_of(defaults.config),
    )
    if options["free"] and not options["dry_run"]:
        return _free(plan, wait_seconds=max(0.0, options["wait"]) * 60)
    states = run_states(home)
    choices = plan.foresee(states)
    if not options["dry_run"]:
        print(f"{describe_usage(home, usage)}\n")
        if states:
            going = [path.name for path in choices["run"].paths]
            print(f"{describe_largest_runs(home, states, usage, going=going, now=plan.now)}\n")
    print(describe_choices(choices, plan.retention, is_in_use=is_volume_in_use(home)))
    if options["dry_run"]:
        print(list_choices(home, choices))
    return 0


def _free(plan: Plan, *, wait_seconds: float) -> int:
    freed = free(plan, wait_seconds=wait_seconds, note=lambda line: print(line, flush=True))
    if freed is None:
        print("Freed nothing: somebody works on the volume. The next time may find a free moment.")
        return 0
    print(describe_freed(freed))
    if freed.failed:
        raise ArtifactError(
            f"{len(freed.failed)} could not be removed: {first_few(freed.failed)}.",
            "Whoever frees space needs the right to write below the shared volume.",
            "Mend what the reason names (such as permissions); what is renamed already is removed "
            "by the next call.",
        )
    return 0


def _retention(options: Options, said: Retention) -> Retention:
    given = {key: options[key] for key in ("keep_runs", "keep_days") if options[key] is not None}
    make_retention(given, where="The command line")
    return replace(said, **given)


def _check_home(home: Home) -> None:
    if not home.root.is_dir():
        raise ConfigError(
            f"There is no shared volume {home.root}.",
            "The first run makes it.",
            "Name another one with CXR_HOME or --home.",
        )


COMMAND = Command(
    "show what uses how much of the shared volume; --free: remove what may go",
    _run,
    _add_arguments,
    _DESCRIPTION,
)
