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
    """One command."""

    help: str  # what it does, for the list of commands
    # does it: from the options, the shared volume and the environment to the exit status
    run: Callable[[Options, Home, Mapping[str, str]], int]
    # adds its own flags to its parser
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    description: str = ""  # more than `help`, for the command's own help
    has_home: bool = True  # whether the flag --home can name the shared volume

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add all its flags to its parser."""
        if self.has_home:
            parser.add_argument("--home", metavar="DIR", help="shared volume; default: $CXR_HOME")
        self.add_arguments(parser)
