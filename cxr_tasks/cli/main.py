"""The command line: `python -m cxr_tasks run`, each stage alone, and what serves beside them."""

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from cxr_tasks.cli import (
    Command,
    approval,
    champion,
    label,
    lungs,
    note,
    operation,
    predict,
    publish,
    remedy,
    run,
    schema,
    space,
    stage,
    track,
    watch_run,
)
from cxr_tasks.errors import EXIT_CODE, ConfigError, CxrError, first_few, shown
from cxr_tasks.flow.process import StageError
from cxr_tasks.machine.child_process import die_with_parent
from cxr_tasks.machine.memory import ran_out
from cxr_tasks.volume.files import volume_error
from cxr_tasks.volume.paths import Home

_EPILOG = """\
examples:
  python -m cxr_tasks run                                     synthetic images, minutes
  python -m cxr_tasks run --source zip --data covid.zip --profile paper --weights w.h5
  python -m cxr_tasks run --run NAME                          go on with a run that stopped
  python -m cxr_tasks watch-run NAME                          a run's progress in the terminal
  python -m cxr_tasks report --run NAME                       one stage of a run that exists
  python -m cxr_tasks remedy --run NAME                       what survives without shortcuts
  python -m cxr_tasks predict new-images/                     the champion on other images
  python -m cxr_tasks lungs new-images/ --out lung-masks/     a lung mask for each image

exit status: 0 done; 1 a stage broke down or memory ran out; 2 a setting, a file, the data, the
shared volume or a training is not as it has to be (the message says what to do); 130 stopped.
Research software, no medical device.
"""

COMMANDS: dict[str, Command] = {
    "run": run.COMMAND,
    "watch-run": watch_run.COMMAND,
    **stage.COMMANDS,
    "remedy": remedy.COMMAND,
    "champion": champion.COMMAND,
    "approval": approval.COMMAND,
    "predict": predict.COMMAND,
    "lungs": lungs.COMMAND,
    "label": label.COMMAND,
    "note": note.COMMAND,
    "track": track.COMMAND,
    "publish": publish.COMMAND,
    "space": space.COMMAND,
    "schema": schema.COMMAND,
    **operation.COMMANDS,
}
"""Every command by name, in the order the help lists them."""


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run a command and return its exit status; the project's errors become messages."""
    die_with_parent(environ)
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed, unknown = make_parser().parse_known_args(words)
    options = vars(parsed)
    if refused := _unknown(unknown, options["command"]) or _repeated(words):
        return _failed(f"ConfigError: {refused}", status=EXIT_CODE)
    command = COMMANDS[options.pop("command")]
    home = Home(Path(options.pop("home", None) or environ.get("CXR_HOME") or "cxr-home").absolute())
    try:
        return command.run(options, home, environ)
    except StageError as err:
        return _failed(str(err), status=1 if err.retryable else EXIT_CODE)
    except CxrError as err:
        return _failed(f"{type(err).__name__}: {err}", status=EXIT_CODE)
    except KeyboardInterrupt:
        return _failed("Stopped. What is finished is kept: run it again to go on.", status=130)
    except Exception as err:
        if ran_out(err):
            return _failed(_out_of_memory(err), status=1)
        known = volume_error(err, home=home.root) if isinstance(err, OSError) else None
        if known is None:
            raise
        return _failed(f"{type(known).__name__}: {known}", status=EXIT_CODE)


def make_parser() -> argparse.ArgumentParser:
    """Describe every command and flag."""
    parser = argparse.ArgumentParser(
        prog="python -m cxr_tasks",
        description="Train four chest X-ray classifiers (COVID-19 against normal), compare and "
        "report them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        about = command.description or command.help[0].upper() + command.help[1:] + "."
        # a flag that is cut short is a flag misspelt, and may be another one's beginning tomorrow
        command.describe(
            commands.add_parser(name, help=command.help, description=about, allow_abbrev=False)
        )
    return parser


def _unknown(words: list[str], command: str) -> ConfigError | None:
    """Refuse what a command does not know, naming the nearest flag that it has."""
    if not words:
        return None
    rule = f"python -m cxr_tasks {command} --help lists what it knows."
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    if nearest := get_close_matches((flags or words)[0], _flags_of(command), n=1):
        variable = nearest[0].removeprefix("--").replace("-", "_").upper()
        in_make = f" (make run: {variable})" if command == "run" else ""
        rule = f"The nearest that it knows is {nearest[0]}{in_make}; --help lists all."
    return ConfigError(
        f"Unknown to {command!r}: {first_few([shown(word) for word in words])}.",
        rule,
        "Correct the spelling, or leave it out.",
    )


def _repeated(words: list[str]) -> ConfigError | None:
    """Refuse a flag that is given twice, of which argparse would take the last in silence."""
    before_paths = words[: words.index("--")] if "--" in words else words
    flags = [word.partition("=")[0] for word in before_paths if word.startswith("--")]
    times = Counter(f"--{flag.removeprefix('--').removeprefix('no-')}" for flag in flags)
    twice = [flag for flag, n in times.items() if n > 1]
    if not twice:
        return None
    return ConfigError(
        f"Given more than once: {first_few(twice)}.",
        "A flag counts once; several values stand in one, with commas: --variants A,B.",
        "Leave out all but one.",
    )


def _flags_of(command: str) -> list[str]:
    parser = argparse.ArgumentParser()
    COMMANDS[command].describe(parser)
    return re.findall(r"--[a-z][a-z-]*", parser.format_usage())


def _out_of_memory(err: Exception) -> str:
    return (
        f"{type(err).__name__}: Memory ran out ({str(err)[:200] or 'no more is known'}).\n"
        "A stage needs 0.2 to 3 GB, the most where the unfrozen variant trains.\n"
        "Free memory, or let fewer trainings run at once; run again, it goes on where it stopped."
    )


def _failed(message: str, *, status: int) -> int:
    print(message, file=sys.stderr, flush=True)
    return status
