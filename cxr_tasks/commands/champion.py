"""The command `champion`: which model serves, and the way back to an earlier one."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from cxr_tasks.champion.describe import describe_champion
from cxr_tasks.champion.rollback import roll_back
from cxr_tasks.commands.command import Command, Options
from cxr_tasks.paths import Home


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", metavar="DIR", help="shared volume; default: $CXR_HOME")
    parser.add_argument(
        "--restore",
        action="store_true",
        help="write champion.json anew where it is damaged or gone; the newest version serves",
    )
    parser.add_argument(
        "--roll-back",
        nargs="?",
        const="",
        metavar="VERSION",
        help="let the version serve that served before, or the one that is named",
    )


def _run(options: Options, home: Home, _environ: Mapping[str, str]) -> int:
    from cxr_tasks.champion.restoring import restore_pointer  # which imports much

    if options["restore"]:
        serves = restore_pointer(home, note=print)
        print(f"{serves} serves now. Earlier rollbacks are not known any more.\n")
    if options["roll_back"] is not None:
        champion = roll_back(home, options["roll_back"] or None, now=datetime.now(UTC))
        print(f"{champion.name} serves now.\n")
    print(describe_champion(home))
    return 0


COMMAND = Command(
    "show the model that serves; --roll-back, --restore: change or mend that", _run, _add_arguments
)
