"""The record of a finished stage: its JSON, written last, that makes a folder count."""

import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError
from cxr_tasks.files import building, read_json, sha256_of, write_json

SCHEMA_VERSION = 1
Record = dict[str, Any]

_FILE_NAMES = {"evaluate": "comparison.json"}
"""Records that are not named after their stage."""

_PACKAGES = (
    "cxr-tasks", "apache-airflow", "tensorflow", "keras", "kaggle", "pandas", "matplotlib",
    "jinja2", "scikit-learn", "scipy", "numpy", "pillow",
)  # fmt: skip


def finish_once(
    folder: Path,
    stage: str,
    *,
    inputs: Mapping[str, Path],
    config_fingerprint: str,
    seed: int,
    build: Callable[[Path], Record],
) -> Record:
    """Build a stage's folder unless it is finished from the same inputs already.

    The caller holds the stage's lock.

    Args:
        folder: Where the finished stage lies.
        stage: Its name, from which `record_file` names the record.
        inputs: Name and file of everything the stage reads; a file may be absent.
        config_fingerprint: Digest of the run's configuration.
        seed: The run's seed.
        build: Writes the files into the folder it is given and returns the stage's own facts.
    """
    digests = {name: sha256_of(path) for name, path in inputs.items() if path.exists()}
    finished = find_record(folder, stage)
    if finished is not None and finished["inputs"] == digests:
        return finished
    started = time.monotonic()
    with building(folder) as built:
        facts = build(built)
        record = make_record(
            built, stage, inputs=digests, config_fingerprint=config_fingerprint, seed=seed,
            seconds=time.monotonic() - started, facts=facts,
        )  # fmt: skip
        write_json(record_file(built, stage), record)
    return record


def record_file(folder: Path, stage: str) -> Path:
    """Give the path of a stage's record in its folder."""
    return folder / _FILE_NAMES.get(stage, f"{stage}.json")


def make_record(
    folder: Path,
    stage: str,
    *,
    inputs: Mapping[str, str],
    config_fingerprint: str,
    seed: int,
    seconds: float,
    facts: Record,
) -> Record:
    """Describe a folder that is complete but for its record."""
    outputs = {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != record_file(folder, stage)
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "stage": stage,
        "seconds": round(seconds, 3),
        "seed": seed,
        "config_fingerprint": config_fingerprint,
        "inputs": dict(inputs),
        "outputs": outputs,
        "versions": versions(),
        **facts,
    }


def find_record(folder: Path, stage: str) -> Record | None:
    """Read a stage's record, or give None where the stage is not finished."""
    path = record_file(folder, stage)
    if not path.exists():
        return None
    record = read_json(path)
    if record.get("schema_version") != SCHEMA_VERSION:
        raise ArtifactError(
            f"{path} has schema version {record.get('schema_version')!r}.",
            f"This version of the project reads schema version {SCHEMA_VERSION}.",
            "Use the version that wrote it, or start a new run.",
        )
    return record


def require_record(folder: Path, stage: str) -> Record:
    """Read the record of a stage that has to be finished, and check its files against it."""
    record = find_record(folder, stage)
    if record is None:
        raise ArtifactError(
            f"The stage {stage!r} of this run is not finished: "
            f"{record_file(folder, stage)} is missing.",
            "Each stage builds on the finished stages before it.",
            f"Run it first: python -m cxr_tasks {stage} --run NAME.",
        )
    check_outputs(folder, record)
    return record


def check_outputs(folder: Path, record: Record) -> None:
    """Compare a folder's files with the digests in its record."""
    for name, digest in record["outputs"].items():
        path = folder / name
        if not path.exists() or sha256_of(path) != digest:
            raise ArtifactError(
                f"{path} is {'not what its record says' if path.exists() else 'missing'}.",
                "Artifacts are never changed once their stage has finished.",
                f"Delete {folder} and run that stage again.",
            )


def versions() -> dict[str, str]:
    """Give the versions of Python and of the libraries that decide about numbers."""
    installed = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **installed}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
