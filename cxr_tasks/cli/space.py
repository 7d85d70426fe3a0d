"""The command `space`: what uses how much of the shared volume, and what of it may go."""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ArtifactError, ConfigError, first_few
from cxr_tasks.settings.defaults import Retention, make_retention, read_defaults
from cxr_tasks.space.freeing import free
from cxr_tasks.space.plan import Plan
from cxr_tasks.space.retention import RULE
from cxr_tasks.space.run_state import downloads_of
from cxr_tasks.space.survey import survey
from cxr_tasks.space.told import tell_candidates, tell_choice, tell_freed, tell_largest, tell_use
from cxr_tasks.volume.paths import Home

_DESCRIPTION = (
    "Says what uses how much of the shared volume, and how much could be freed. With --free it "
    "removes, for good: what killed work left; data sets that no run and no champion version "
    "names; activations of images that are not used soon again; "
    "Kaggle downloads that no run and no schedule comes from; and runs beyond the rule below. "
    "What somebody works on is left. Champion versions (a retired one may serve again), scores and "
    "backbone weights never go.\n\n"
    f"{RULE} Both numbers are read from the table [retention] of defaults.toml; a flag counts "
    "more."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--free", action="store_true", help="remove what may go")
    parser.add_argument(
        "--dry-run", action="store_true", help="list what --free would remove; change nothing"
    )
    parser.add_argument("--keep-runs", type=int, metavar="N", help="how many runs stay")
    parser.add_argument("--keep-days", type=int, metavar="D", help="for how many days runs stay")


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    _check_home(home)
    defaults = read_defaults({**environ, "CXR_HOME": str(home.root)})
    found = survey(home)
    plan = Plan(
        home,
        _retention(options, defaults.retention),
        now=time.time(),
        leftovers=found.leftovers,
        scheduled_downloads=downloads_of(defaults.config),
    )
    if options["free"] and not options["dry_run"]:
        return _free(plan)
    choices = plan.foresee()
    if not options["dry_run"]:
        going = [candidate.path.name for candidate in choices["run"].candidates]
        print(f"{tell_use(home, found)}\n")
        if found.states:
            print(f"{tell_largest(found, plan, going=going)}\n")
    print(tell_choice(choices, plan.retention))
    if options["dry_run"]:
        print(tell_candidates(home, choices))
    return 0


def _free(plan: Plan) -> int:
    freed = free(plan, note=lambda line: print(line, flush=True))
    print(tell_freed(freed))
    if freed.failed:
        raise ArtifactError(
            f"{len(freed.failed)} could not be removed: {first_few(freed.failed)}.",
            "Whoever frees space needs the right to write below the shared volume, and open files.",
            "Mend what the reason names (permissions; open files: ulimit -n); what is renamed "
            "already is removed by the next call.",
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
