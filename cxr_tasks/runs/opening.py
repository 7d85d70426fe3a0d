"""Which run a DAG's run works on: the one that its own task `start` has opened, and no other."""

from typing import Any

from cxr_tasks.errors import ConfigError
from cxr_tasks.runs.run import open_run, read_config
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths, check_run_key, run_key_from


def choose_run_key(given: object, run_id: str) -> str:
    """Name the run as the form does, or after Airflow's run id where the form names none.

    Raises:
        ConfigError: What is given is no text, or could not be a folder's name.
    """
    return run_key_from(run_id) if given is None else check_run_key(given)


def describe_opening(run: RunPaths) -> dict[str, str]:
    """Describe a run that was started, for the tasks after `start`: its name and its settings."""
    return {"run": run.key, "settings": read_config(run).fingerprint}


def opened_key(opening: object) -> str:
    """Name the run that was opened; empty where none was."""
    name = opening.get("run") if isinstance(opening, dict) else None
    return name if isinstance(name, str) else ""


def reopen(home: Home, opening: Any) -> tuple[RunPaths, RunConfig]:
    """Open the run that `start` has opened.

    Args:
        home: The shared volume.
        opening: What `describe_opening` gave; anything else means that no run was opened.

    Raises:
        ConfigError: None was opened, or another run has its name by now.
    """
    key = opened_key(opening)
    if not key:
        raise ConfigError(
            "The task start of this DAG run has opened no run.",
            "Every task works on the run that start of the same DAG run has opened, on no other.",
            "Read what start says. Then clear the whole DAG run, start included, or trigger again.",
        )
    run, config = open_run(home, key)
    if config.fingerprint != opening.get("settings"):
        raise ConfigError(
            f"The run {key!r} has other settings than when start opened it.",
            "Every task works on the run that start of the same DAG run has opened, on no other.",
            "That run was deleted and its name used again: trigger anew, with another name.",
        )
    return run, config
