"""A run's beginning: its configuration checked, written down, and never changed again.

Here is also which run the tasks of a DAG's run work on: the one that its own task `start` began.
"""

import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ConfigError, DamagedError, shown
from cxr_tasks.machine.devices import n_cores, n_training_threads
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.starts import Starter, at_the_command_line, note_start
from cxr_tasks.settings import PATH_SETTINGS, SETTINGS, WEIGHTS_WITHOUT_FILE, RunConfig
from cxr_tasks.settings.config import config_from_record
from cxr_tasks.volume.files import remove_leftovers, volume_error
from cxr_tasks.volume.locks import locked, volume_in_use
from cxr_tasks.volume.paths import Home, RunPaths, check_run_key, run_key_from
from cxr_tasks.volume.record_model import SealedRecord, read_sealed_record, write_sealed_record
from cxr_tasks.volume.records import SOURCE, Note, find_record
from cxr_tasks.volume.source_code import source_digest

_GIVEN = "the settings it was started with"
_ONE_START = "Every task works on the run that start of the same DAG run has opened, on no other."


class ConfigRecord(SealedRecord):
    """A run's settings, which never change."""

    fingerprint: str
    """Digest of every setting."""
    config: dict[str, Any]
    """Every setting by its name; `config_from_record` reads older ones too."""
    threads_from: str = _GIVEN
    """By what the number of threads was chosen."""
    code: str = ""
    """Digest of the code that began the run."""


def start_run(
    config: RunConfig,
    home: Home,
    run_key: str,
    *,
    starter: Starter | None = None,
    note: Note = print,
) -> RunPaths:
    """Check that what the configuration names is there, and write the configuration down.

    Starting a run that exists continues it, if its configuration and the code are the same.
    Threads that are not given follow the cores of the machine that begins the run, and stay so on
    any other that goes on with it.

    Args:
        config: What to run.
        home: The shared volume.
        run_key: The run's name.
        starter: Who starts it; None: whoever runs this process.
        note: Told by which machine's cores the threads are.

    Raises:
        ConfigError: A file named is missing, or the run exists with other settings or was begun by
            other code.
        ArtifactError: The shared volume cannot be written.
    """
    run = home.run(run_key)
    config = _with_absolute_paths(config)
    _check_files(config)
    try:
        with volume_in_use(home), locked(run.lock("start")):
            remove_leftovers(run.config)
            check_code(run)
            if _is_readable(run.config):
                _check_same(run, config, note)
                os.utime(run.config)  # retention counts the days since something happened in it
            else:
                write_sealed_record(run.config, _described(config, note))
            note_start(run, starter or at_the_command_line())
    except FileNotFoundError as err:  # what file systems such as /proc say of a new folder
        raise ConfigError(
            f"The shared volume {home.root} cannot be made ({err.strerror}).",
            "It is a folder that every stage can write to.",
            "Name another one with CXR_HOME or --home.",
        ) from err
    except OSError as err:
        raise volume_error(err, home=home.root) or err from err
    return run


def check_startable(config: RunConfig, home: Home, run_key: str) -> None:
    """Check whether a name is free for a configuration, or is that of the same run.

    Raises:
        ConfigError: The run exists with other settings or was begun by other code.
    """
    run = home.run(run_key)
    check_code(run)
    if _is_readable(run.config):
        _check_same(run, _with_absolute_paths(config), lambda _text: None)


def open_run(home: Home, run_key: str) -> tuple[RunPaths, RunConfig]:
    """Open a run that was started.

    Raises:
        ConfigError: There is no such run.
    """
    run = home.run(run_key)
    if not run.config.exists():
        found = run.root.parent.glob("*/config.json")
        known = [path.parent.name for path in sorted(found, key=_changed_at)]
        raise ConfigError(
            f"There is no run {run_key!r} in {home.root}.",
            f"Known runs, the newest last: {', '.join(known[-5:]) or 'none'}.",
            "Start it with `python -m cxr_tasks run --run NAME`, or correct --run or --home.",
        )
    return run, read_config(run)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # its run is being deleted
        return 0.0


def choose_run_key(given: object, run_id: str) -> str:
    """Return the run name that the form gives, or one made from Airflow's run id.

    Raises:
        ConfigError: What is given is no text, or could not be a folder's name.
    """
    return run_key_from(run_id) if given is None else check_run_key(given)


def describe_start(run: RunPaths) -> dict[str, str]:
    """Describe a run that was started, for the tasks after `start`: its name and its settings."""
    return {"run": run.key, "settings": read_config(run).fingerprint}


def started_key(started: object) -> str:
    """Return the name of the run that `start` began; empty where it began none.

    Args:
        started: What `describe_start` returned; anything else means that no run was started.
    """
    name = started.get("run") if isinstance(started, dict) else None
    return name if isinstance(name, str) else ""


def open_started(home: Home, started: Any) -> tuple[RunPaths, RunConfig]:
    """Open the run that `start` began.

    Raises:
        ConfigError: It began none, or another run has its name by now.
    """
    key = started_key(started)
    if not key:
        raise ConfigError(
            "The task start of this DAG run has opened no run.",
            _ONE_START,
            "Read what start says. Then clear the whole DAG run, start included, or trigger again.",
        )
    run, config = open_run(home, key)
    if config.fingerprint != started.get("settings"):
        raise ConfigError(
            f"The run {key!r} has other settings than when start opened it.",
            _ONE_START,
            "That run was deleted and its name used again: trigger anew, with another name.",
        )
    return run, config


def read_config(run: RunPaths) -> RunConfig:
    """Read a run's configuration.

    Raises:
        DamagedError: It is not what was written.
    """
    try:
        return config_from_record(read_sealed_record(run.config, ConfigRecord).config)
    except (ConfigError, DamagedError) as err:
        where = "" if isinstance(err, DamagedError) else f"{run.config}: "
        raise DamagedError(
            f"{where}{err.problem}",
            "A run's configuration never changes.",
            f"Give the run its settings again: python -m cxr_tasks run --run {run.key} and the "
            "flags it was started with. What is finished with the same settings is kept.",
        ) from err


def has_threads_of_machine(run: RunPaths) -> bool:
    """Return whether nobody gave a run its number of threads: the machine that began it did.

    Raises:
        DamagedError: Its configuration is not what was written.
    """
    return read_sealed_record(run.config, ConfigRecord).threads_from != _GIVEN


def is_of_this_code(run: RunPaths) -> bool:
    """Return whether this code has begun a run; what older versions began says no code, and is not.

    Where the configuration is damaged, the record of the run's ingestion tells.
    """
    if _is_readable(run.config):
        return read_sealed_record(run.config, ConfigRecord).code == source_digest()
    try:
        ingested = find_record(run.ingest, IngestRecord)
    except DamagedError:
        return True
    return ingested is None or ingested.versions.get(SOURCE) == source_digest()


def check_code(run: RunPaths) -> None:
    """Refuse to go on with a run that other code has begun: its results would be of two codes.

    Raises:
        ConfigError: It is such a run.
    """
    if not is_of_this_code(run):
        raise ConfigError(
            f"The run {run.key!r} was begun by another state of this project's code "
            f"(this one: {source_digest()}).",
            "All results of a run are made by one code. What it has finished is kept, and can be "
            "read, compared and scored with.",
            "Start it under another name (command line: --run; in the form: Run name), or go on "
            "with the code that began it.",
        )


def new_run_key(now: datetime) -> str:
    """Return a name for a run that begins at a time."""
    return now.strftime("run-%Y%m%d-%H%M%S")


def _is_readable(path: Path) -> bool:
    """Return whether a configuration is there; one that is damaged is written again."""
    try:
        return path.exists() and bool(read_sealed_record(path, ConfigRecord))
    except DamagedError:
        return False


def _described(config: RunConfig, note: Note) -> ConfigRecord:
    """Describe a run that begins; the same cores give the same bytes, which the stages digest."""
    threads_from = _GIVEN
    if not config.threads:
        config = config.model_copy(update={"threads": n_training_threads()})
        threads_from = f"the {n_cores()} cores of the machine that started it"
        note(f"threads={config.threads}, by the {n_cores()} cores of {platform.node()}")
    return ConfigRecord(
        fingerprint=config.fingerprint,
        config=config.as_dict(),
        threads_from=threads_from,
        code=source_digest(),
    )


def _with_absolute_paths(config: RunConfig) -> RunConfig:
    """Resolve relative paths against the folder in which the user typed them."""
    absolute = {name: _absolute(name, value) for name, value in named_paths(config).items()}
    return config_from_record(config.as_dict() | absolute)


def _absolute(name: str, value: str) -> str:
    try:
        return str(Path(value).expanduser().absolute())
    except RuntimeError as err:
        raise ConfigError(
            f"{name}={shown(value)} names the home of a user that is not known here.",
            "A path begins with /, with ~/, or in the present folder.",
            f"Correct {name} (command line: {SETTINGS[name].flag}).",
        ) from err


def named_paths(config: RunConfig) -> dict[str, str]:
    """Return the files and folders that a configuration names, by setting."""
    given = {name: getattr(config, name) for name in PATH_SETTINGS}
    if config.weights in WEIGHTS_WITHOUT_FILE:
        del given["weights"]
    if config.external_source == "kaggle":
        del given["external_data"]
    return {name: value for name, value in given.items() if value}


def _check_files(config: RunConfig) -> None:
    for name, value in named_paths(config).items():
        # pathlib would raise where the path is too long to be any
        if os.path.exists(value):  # noqa: PTH110
            continue
        raise ConfigError(
            f"{name}={shown(value)} does not exist.",
            f"The setting {name!r} names a path that every worker can read.",
            f"Correct {name} (command line: {SETTINGS[name].flag}).",
        )


def _check_same(run: RunPaths, config: RunConfig, note: Note) -> None:
    described = read_sealed_record(run.config, ConfigRecord)
    before = read_config(run).as_dict()
    now = config.as_dict()
    if not config.threads:
        now["threads"] = before["threads"]
        _note_threads(described, note)
    whose = {"threads": f" (by {described.threads_from})"}
    changed = [
        f"{key} was {before[key]!r}{whose.get(key, '')}, now {now[key]!r}"
        for key in now
        if before[key] != now[key]
    ]
    if changed:
        raise ConfigError(
            f"The run {run.key!r} exists with other settings: {'; '.join(changed[:5])}.",
            "A run's configuration never changes, so that its results stay comparable.",
            "Choose another run name, or give the settings it was started with.",
        )


def _note_threads(described: ConfigRecord, note: Note) -> None:
    """Report where a run goes on with other threads than this machine would begin it with."""
    threads = described.config["threads"]
    if threads != n_training_threads():
        note(
            f"threads={threads}, as the run began, by {described.threads_from}; with "
            f"{n_training_threads()}, by the {n_cores()} cores of {platform.node()}, its numbers "
            "would be others"
        )
