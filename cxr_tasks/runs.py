"""A run's beginning: its configuration checked, written down, and never changed again."""

from datetime import datetime
from pathlib import Path

from cxr_tasks.config import config_from_record, make_config
from cxr_tasks.errors import ConfigError
from cxr_tasks.files import locked, read_json, volume_error, write_json
from cxr_tasks.paths import Home, RunPaths
from cxr_tasks.records import SCHEMA_VERSION
from cxr_tasks.settings import RunConfig

PATH_SETTINGS = ("data", "patients", "weights", "external_data", "external_patients")
"""Settings that name a file or a folder; some also take a word that is no path."""


def start_run(config: RunConfig, home: Home, run_key: str) -> RunPaths:
    """Check that what the configuration names is there, and write the configuration down.

    Starting a run that exists continues it, if its configuration is the same.

    Raises:
        ConfigError: A file named is missing, or the run exists with other settings.
        ArtifactError: The shared volume cannot be written.
    """
    run = home.run(run_key)
    config = _with_absolute_paths(config)
    _check_files(config)
    try:
        with locked(run.lock("start")):
            if run.config.exists():
                _check_same(run, config)
            else:
                write_json(run.config, _described(config))
    except FileNotFoundError as err:  # what file systems such as /proc say of a new folder
        raise ConfigError(
            f"The shared volume {home.root} cannot be made ({err.strerror}).",
            "It is a folder that every stage can write to.",
            "Name another one with CXR_HOME or --home.",
        ) from err
    except OSError as err:
        raise volume_error(err, home=home.root) or err from err
    return run


def open_run(home: Home, run_key: str) -> tuple[RunPaths, RunConfig]:
    """Open a run that was started.

    Raises:
        ConfigError: There is no such run.
    """
    run = home.run(run_key)
    if not run.config.exists():
        known = sorted(path.parent.name for path in run.root.parent.glob("*/config.json"))
        raise ConfigError(
            f"There is no run {run_key!r} in {home.root}.",
            f"Known runs: {', '.join(known[-5:]) or 'none'}.",
            "Start it with `python -m cxr_tasks run --run NAME`, or correct --run or --home.",
        )
    return run, config_from_record(read_json(run.config)["config"])


def new_run_key(now: datetime) -> str:
    """Name a run after the time it begins."""
    return now.strftime("run-%Y%m%d-%H%M%S")


def _described(config: RunConfig) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": config.fingerprint,
        "config": config.as_dict(),
    }


def _with_absolute_paths(config: RunConfig) -> RunConfig:
    """Tie relative paths to the folder in which the user typed them."""
    absolute = {
        name: str(Path(value).expanduser().absolute()) for name, value in _paths(config).items()
    }
    return make_config(config.as_dict() | absolute)


def _paths(config: RunConfig) -> dict[str, str]:
    given = {name: getattr(config, name) for name in PATH_SETTINGS}
    if config.weights == "random":
        del given["weights"]
    if config.external_source == "kaggle":
        del given["external_data"]
    return {name: value for name, value in given.items() if value}


def _check_files(config: RunConfig) -> None:
    for name, value in _paths(config).items():
        if Path(value).exists():
            continue
        raise ConfigError(
            f"{name}={value!r} does not exist.",
            f"The setting {name!r} names a path that every worker can read.",
            f"Correct {name} (command line: --{name.replace('_', '-')}).",
        )


def _check_same(run: RunPaths, config: RunConfig) -> None:
    before = config_from_record(read_json(run.config)["config"]).as_dict()
    now = config.as_dict()
    changed = [f"{key} was {before[key]!r}, now {now[key]!r}" for key in now
               if before[key] != now[key]]  # fmt: skip
    if changed:
        raise ConfigError(
            f"The run {run.key!r} exists with other settings: {'; '.join(changed[:5])}.",
            "A run's configuration never changes, so that its results stay comparable.",
            "Choose another run name, or give the settings it was started with.",
        )
