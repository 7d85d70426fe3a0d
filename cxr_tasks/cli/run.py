"""The command `run`: all stages, with or without Airflow, and the result in the terminal."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, TextIO

from cxr_tasks.cli import Command, Options
from cxr_tasks.flow import through_airflow
from cxr_tasks.flow.pipeline import run_pipeline
from cxr_tasks.publishing.destination import read_destination
from cxr_tasks.runs.start import check_code, new_run_key, open_run, start_run
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.settings import PATH_SETTINGS, SETTINGS, RunConfig, Setting
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.form import settings_in_force
from cxr_tasks.tracking.server import read_server
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import WIDTH


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        metavar="NAME",
        help="name of the run; default: by the time; one that exists goes on",
    )
    parser.add_argument(
        "--airflow",
        action="store_true",
        help="run the stages as tasks of the DAG cxr_pipeline (airflow dags test)",
    )
    groups: dict[str, Any] = {}
    for setting in SETTINGS.values():
        if setting.section not in groups:
            groups[setting.section] = parser.add_argument_group(setting.section.lower())
        _add_setting(groups[setting.section], setting)


def _add_setting(group: Any, setting: Setting) -> None:
    text = f"{setting.help} {setting.limits}".rstrip().replace("`", "'").replace("%", "%%")
    options: dict[str, Any] = {"metavar": "N", "type": partial(_number, setting.kind)}
    if setting.kind == "boolean":
        options = {"action": argparse.BooleanOptionalAction}
    elif setting.kind == "array":
        text += f" Comma-separated; default: all of {', '.join(setting.choices)}."
        options = {"metavar": "A,B"}
    elif not setting.by_profile and setting.default != "":
        text += f" Default: {setting.default}."
    if setting.kind == "string":
        word = "PATH" if setting.name in PATH_SETTINGS else "TEXT"
        options = {"metavar": f"{{{','.join(setting.choices)}}}" if setting.choices else word}
    group.add_argument(setting.flag, help=text, **options)


def _number(kind: str, text: str) -> float | str:
    """Read a number, and leave any other text for `make_config` to refuse."""
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        return text


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    airflow, run_key = options.pop("airflow"), options.pop("run")
    given = {key: value for key, value in options.items() if value is not None}
    read_server(environ)  # what is wrong with them is told before an hour is spent
    read_destination(environ)
    if run_key and not given and home.run(run_key).config.exists():
        check_code(home.run(run_key))
    else:
        run_key = run_key or new_run_key(datetime.now().astimezone())
        start_run(make_config(given), home, run_key)
    run, config = open_run(home, run_key)
    print(f"Run {run.key}, profile {config.profile}; results below {run.root}", flush=True)
    try:
        run_watched(run, config, environ, airflow=airflow)
    finally:
        show_result(run, with_make=airflow)
    return 0


def run_watched(
    run: RunPaths, config: RunConfig, environ: Mapping[str, str], *, airflow: bool = False
) -> None:
    """Run all stages, their progress shown and kept in `run.log`.

    Raises:
        StageError: A stage failed that the rest of the run needs.
        TrainingError: The report is made, but a variant or the audit has failed.
    """
    from cxr_tasks.cli.console import following  # which imports much

    with following(run.progress), _log(run) as log:
        for line in settings_in_force(config):
            _write_line(log, line)
        if airflow:
            through_airflow.run_dag(run, config, environ)
        else:
            run_pipeline(run, config, environ=environ, on_line=partial(_write_line, log))


def _log(run: RunPaths) -> TextIO:
    """Open the file that keeps all the stages print; the terminal shows the events only."""
    return (run.root / "run.log").open("a", encoding="utf-8", buffering=1)


def _write_line(log: TextIO, line: str) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    print(f"{now} {line}", file=log)


def show_result(run: RunPaths, *, with_make: bool = False) -> None:
    """Show the last screen; of a run that ended early, with the results it would have repeated.

    What was left out is always this run's own.

    Args:
        run: The run.
        with_make: Whether what to do next is a command of `make`, as this run's was.
    """
    from cxr_tasks.reporting.last_screen import last_screen  # which imports much
    from cxr_tasks.reporting.report_record import ReportRecord

    earlier = unchanged_since(run)
    if earlier:
        print(f"\nNothing has changed since {earlier}; its results:")
    with_results = run.home.run(earlier) if earlier else run
    if report := find_record(with_results.report, ReportRecord):
        screen = last_screen(
            report,
            width=terminal_width(),
            report_file=shorter(with_results.report / "index.html"),
            with_make=with_make,
            also=_champion_and_images(run, with_results),
        )
        print(f"\n{screen}")
    if earlier:
        print("To run it all the same: --force (make run: FORCE=1)")


def _champion_and_images(run: RunPaths, with_results: RunPaths) -> Iterator[str]:
    from cxr_tasks.champion.describe import describe_promotion
    from cxr_tasks.champion.promotion_record import PromotionRecord
    from cxr_tasks.reporting.last_screen import ingested_lines

    if promotion := find_record(with_results.promote, PromotionRecord):
        yield f"Champion, {describe_promotion(run.home, promotion)}"
    yield from ingested_lines(run)


def shorter(path: Path) -> str:
    """Return a file's path from the working folder, where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def terminal_width() -> int:
    """Return the columns to write in: the terminal's, but no fewer than 80 and no more than 100."""
    return max(80, min(get_terminal_size().columns, WIDTH))


COMMAND = Command("all stages, from ingestion to the report", _run, _add_arguments)
