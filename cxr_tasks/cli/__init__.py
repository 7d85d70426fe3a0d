"""The commands of `python -m cxr_tasks`: what one is made of, and a module for each subject."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cxr_tasks.volume.paths import Home

Options = dict[str, Any]


def no_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no argument."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        help: What it does, for the list of commands.
        run: Does it: from the options, the shared volume and the environment to the exit status.
        add_arguments: Adds its own flags to its parser.
        description: More than `help`, for the command's own help.
        has_home: Whether the flag --home can name the shared volume.
    """

    help: str
    run: Callable[[Options, Home, Mapping[str, str]], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    description: str = ""
    has_home: bool = True

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add all its flags to its parser."""
        if self.has_home:
            parser.add_argument("--home", metavar="DIR", help="shared volume; default: $CXR_HOME")
        self.add_arguments(parser)
