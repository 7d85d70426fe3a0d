"""What a command is made of."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cxr_tasks.volume.paths import Home

Options = dict[str, Any]


def no_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no argument of its own."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        help: What it does, for the list of commands.
        run: Does it: from the options, the shared volume and the environment to the exit status.
        add_arguments: Adds its flags to its parser.
        description: More than `help` says, for the command's own help.
    """

    help: str
    run: Callable[[Options, Home, Mapping[str, str]], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    description: str = ""
