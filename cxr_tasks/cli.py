"""The command line: `python -m cxr_tasks run`, and each stage alone."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from cxr_tasks import through_airflow
from cxr_tasks.airflow_ui import serve_ui
from cxr_tasks.config import make_config
from cxr_tasks.console import following
from cxr_tasks.devices import pools
from cxr_tasks.errors import EXIT_CODE, ConfigError, CxrError
from cxr_tasks.files import read_json, volume_error
from cxr_tasks.paths import Home, RunPaths
from cxr_tasks.pipeline import run_pipeline
from cxr_tasks.process import StageError, die_with_parent
from cxr_tasks.progress import Progress
from cxr_tasks.reporting.table import comparison_table
from cxr_tasks.runs import PATH_SETTINGS, new_run_key, open_run, start_run
from cxr_tasks.settings import SETTINGS, Setting
from cxr_tasks.stages import STAGES, StageContext, execute

_EPILOG = """\
examples:
  python -m cxr_tasks run                                     synthetic images, minutes
  python -m cxr_tasks run --source zip --data covid.zip --profile paper --weights w.h5
  python -m cxr_tasks run --run NAME                          go on with a run that stopped
  python -m cxr_tasks report --run NAME                       one stage of a run that exists

exit status: 0 done; 1 a stage broke down; 2 a setting, a file or the data are not as they
have to be (the message says what to do). Research software, no medical device.
"""


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run a command and return its exit status; the project's errors become messages."""
    die_with_parent(environ)
    options = vars(make_parser().parse_args(arguments))
    command = options.pop("command")
    home = Home(Path(options.pop("home", None) or environ.get("CXR_HOME") or "cxr-home").absolute())
    try:
        return _COMMANDS[command](command, options, home, environ)
    except StageError as err:
        return _failed(str(err), status=1 if err.retryable else EXIT_CODE)
    except CxrError as err:
        return _failed(f"{type(err).__name__}: {err}", status=EXIT_CODE)
    except OSError as err:
        told = volume_error(err, home=home.root)
        if told is None:
            raise
        return _failed(f"{type(told).__name__}: {told}", status=EXIT_CODE)


def make_parser() -> argparse.ArgumentParser:
    """Describe every command and flag; the settings' flags come from `RunConfig`."""
    parser = argparse.ArgumentParser(
        prog="python -m cxr_tasks",
        description="Train four chest X-ray classifiers (COVID-19 against normal), compare and "
        "report them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="all stages, from ingestion to the report")
    _add_place(run, run_help="name of the run; default: by the time; one that exists goes on")
    run.add_argument(
        "--airflow",
        action="store_true",
        help="run the stages as tasks of the DAG cxr_pipeline (airflow dags test)",
    )
    _add_settings(run)
    for stage, work in STAGES.items():
        summary = (work.__doc__ or "").splitlines()[0]
        alone = commands.add_parser(stage, help=summary[0].lower() + summary[1:].rstrip("."))
        _add_place(alone, run_help="name of a run that exists; default: $CXR_RUN")
        if stage in ("train", "fold"):
            alone.add_argument("--variant", required=True, choices=SETTINGS["variants"].choices)
        if stage == "fold":
            alone.add_argument("--fold", type=int, required=True, metavar="N", help="from 1")
    commands.add_parser("ui", help="start Airflow's UI on this machine, the DAG unpaused")
    commands.add_parser("pools", help="print the Airflow pools that the DAG names, as JSON")
    return parser


def _add_place(parser: argparse.ArgumentParser, *, run_help: str) -> None:
    parser.add_argument("--home", metavar="DIR", help="shared volume; default: $CXR_HOME")
    parser.add_argument("--run", metavar="NAME", help=run_help)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    groups: dict[str, Any] = {}
    for setting in SETTINGS.values():
        if setting.section not in groups:
            groups[setting.section] = parser.add_argument_group(setting.section.lower())
        _add_setting(groups[setting.section], setting)


def _add_setting(group: Any, setting: Setting) -> None:
    flag = f"--{setting.name.replace('_', '-')}"
    text = setting.help.replace("`", "'").replace("%", "%%")
    shown = setting.default or "by profile" if setting.by_profile else setting.default
    if setting.kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        return
    if setting.kind is tuple:
        text += f" Comma-separated; default: all of {', '.join(setting.choices)}."
        group.add_argument(flag, metavar="A,B", help=text)
        return
    if shown not in ("", None) and not setting.by_profile:
        text += f" Default: {shown}."
    kind: Any = str if setting.kind is str else _number_or_text(setting.kind)
    metavar = "{" + ",".join(setting.choices) + "}" if setting.choices else _metavar(setting)
    group.add_argument(flag, type=kind, metavar=metavar, help=text)


def _number_or_text(kind: type) -> Any:
    """Read a number where it is one, and leave the rest for `make_config` to refuse."""

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text

    return convert


def _metavar(setting: Setting) -> str:
    if setting.kind is not str:
        return "N"
    return "PATH" if setting.name in PATH_SETTINGS else "TEXT"


def _run(_command: str, options: dict[str, Any], home: Home, environ: Mapping[str, str]) -> int:
    airflow, run_key = options.pop("airflow"), options.pop("run")
    given = {key: value for key, value in options.items() if value is not None}
    if run_key and not given and home.run(run_key).config.exists():
        run, config = open_run(home, run_key)
    else:
        config = make_config(given)
        run = start_run(config, home, run_key or new_run_key(datetime.now().astimezone()))
    print(f"Run {run.key}, profile {config.profile}; results below {run.root}", flush=True)
    try:
        with following(run.progress), _log(run) as log:
            if airflow:
                through_airflow.run_dag(run, config, environ)
            else:
                run_pipeline(
                    run, config, environ=environ, on_line=lambda line: print(line, file=log)
                )
    finally:
        _show_result(run)
    return 0


def _run_stage(stage: str, options: dict[str, Any], home: Home, environ: Mapping[str, str]) -> int:
    run_key = options["run"] or environ.get("CXR_RUN")
    if not run_key:
        raise ConfigError(
            "No run is named.",
            "A single stage works on a run that exists.",
            "Name it with --run NAME, or start a new one with `python -m cxr_tasks run`.",
        )
    run, config = open_run(home, run_key)
    variant, fold = options.get("variant", ""), options.get("fold", 0)
    if fold:
        fit = f"fold {fold} of {config.folds * config.repeats}"
        progress = Progress(run.progress, "train", variant, fit)
    else:
        progress = Progress(run.progress, stage, variant)
    execute(stage, StageContext(run, config, progress, environ, variant, fold))
    return 0


def _print_pools(*_: Any) -> int:
    print(json.dumps(pools(), indent=2))
    return 0


def _ui(_command: str, _options: dict[str, Any], _home: Home, environ: Mapping[str, str]) -> int:
    serve_ui(environ)
    return 0


_COMMANDS = {"run": _run, "ui": _ui, **dict.fromkeys(STAGES, _run_stage), "pools": _print_pools}


def _log(run: RunPaths) -> TextIO:
    """Open the file that keeps all the stages print; the terminal shows the events only."""
    return (run.root / "run.log").open("a", encoding="utf-8", buffering=1)


def _show_result(run: RunPaths) -> None:
    if (run.report / "report.json").exists():
        print("\n" + comparison_table(read_json(run.report / "report.json")))
        print(f"\nReport: {run.report / 'index.html'}")


def _failed(message: str, *, status: int) -> int:
    print(message, file=sys.stderr, flush=True)
    return status
