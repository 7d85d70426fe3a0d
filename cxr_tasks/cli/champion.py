"""The command `champion`: which model serves, and the ways back."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError, DamagedError, shown
from cxr_tasks.volume.paths import Home


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help="with --retire: why")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--restore",
        action="store_true",
        help="write champion.json anew where it is damaged or gone: as its copy says, else the "
        "newest version serves",
    )
    ways.add_argument(
        "--retire",
        action="store_true",
        help="let no model serve any more, until a run is promoted or a version is named",
    )
    ways.add_argument(
        "--roll-back",
        nargs="?",
        const="",
        metavar="VERSION",
        help="let the version serve that served before, or the one that is named; one that was "
        "retired has to be named",
    )


def _run(options: Options, home: Home, _environ: Mapping[str, str]) -> int:
    from cxr_tasks.champion.describe import describe_champion
    from cxr_tasks.champion.restoring import (  # which imports much
        restore_pointer,
        retire,
        roll_back,
    )

    now = datetime.now(UTC)
    if options["reason"] and not options["retire"]:
        raise ConfigError(
            f"--reason {shown(options['reason'])} without --retire.",
            "Only a retirement is given a reason.",
            "Add --retire, or leave --reason out.",
        )
    if options["restore"]:
        print(f"{_restored(home, restore_pointer(home, note=print))}\n")
    if options["retire"]:
        print(f"{retire(home, reason=options['reason'], now=now)} is retired.\n")
    if options["roll_back"] is not None:
        print(f"{_serves(roll_back(home, options['roll_back'] or None, now=now).name)}\n")
    print(describe_champion(home))
    return 0


def _serves(version: str | None) -> str:
    return f"{version or 'No version'} serves now."


def _restored(home: Home, version: str | None) -> str:
    """Return what serves by the pointer that was restored, which looks at no version's files."""
    from cxr_tasks.champion.versions import open_version

    try:
        return _serves(open_version(home, version).name if version else None)
    except DamagedError as err:
        return f"{version} would serve now, but cannot: it is damaged. {err.remedy}"


COMMAND = Command(
    "show the model that serves; --roll-back, --retire, --restore: change or mend that",
    _run,
    _add_arguments,
)
