"""The record of a finished stage: its JSON, written last, that makes a folder count."""

import errno
import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.files import building, remove_leftovers, sha256_of
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed, write_sealed
from cxr_tasks.volume.source_code import source_digest

_NOT_THERE = (errno.ENOENT, errno.ESTALE, errno.EIO, errno.EISDIR, errno.ENOTDIR)

Record = dict[str, Any]
Note = Callable[[str], None]

SOURCE = "cxr-tasks source"
"""In a record's versions: the digest of the code that made it."""

_FILE_NAMES = {"evaluate": "comparison.json"}
"""Records that are not named after their stage."""

_MADE_BY = {"dataset": "ingest", "version": "promote"}
"""Stages by folders that are no stage's own."""

_PACKAGES = (
    "cxr-tasks",
    "apache-airflow",
    "tensorflow",
    "keras",
    "kaggle",
    "pandas",
    "matplotlib",
    "jinja2",
    "scikit-learn",
    "scipy",
    "numpy",
    "pillow",
)


def finish_once(
    folder: Path,
    stage: str,
    *,
    inputs: Mapping[str, Path],
    config_fingerprint: str,
    seed: int,
    build: Callable[[Path], Record],
    note: Note,
) -> Record:
    """Build a stage's folder unless it is finished from the same inputs and still whole.

    The caller holds the stage's lock.

    Args:
        folder: Where the finished stage lies.
        stage: Its name, from which `record_file` names the record.
        inputs: Name and file of everything the stage reads; a file may be absent.
        config_fingerprint: Digest of the run's configuration.
        seed: The run's seed.
        build: Writes the files into the folder it is given and returns the stage's own facts.
        note: Told where what is finished is damaged and made again.
    """
    digests = {name: sha256_of(path) for name, path in inputs.items() if path.exists()}
    finished = find_finished(folder, stage, inputs=digests, note=note)
    if finished is not None:
        remove_leftovers(folder)
        return finished
    started = time.monotonic()
    with building(folder) as built:
        facts = build(built)
        record = make_record(
            built,
            stage,
            inputs=digests,
            config_fingerprint=config_fingerprint,
            seed=seed,
            seconds=time.monotonic() - started,
            facts=facts,
        )
        write_record(built, record)
    return record


def find_finished(
    folder: Path, stage: str, *, inputs: Mapping[str, str] | None = None, note: Note
) -> Record | None:
    """Read the record of a stage that is finished from these inputs, every file of it whole.

    What is damaged counts as not finished, so that whoever makes it makes it again.

    Args:
        folder: Where the finished stage lies.
        stage: Its name.
        inputs: Digests of what the stage reads now; None where the folder's name stands for them.
        note: Told what is damaged.

    Raises:
        ArtifactError: A newer version of the project wrote it.
    """
    try:
        record = find_record(folder, stage)
        if record is None or (inputs is not None and record["inputs"] != inputs):
            return None
        check_outputs(folder, record)
    except DamagedError as err:
        note(warning(f"{err.problem} It is made again."))
        return None
    return record


def write_record(folder: Path, record: Record) -> None:
    """Write a stage's record into its folder: with it the folder counts as finished."""
    write_sealed(record_file(folder, record["stage"]), record)


def record_file(folder: Path, stage: str) -> Path:
    """Return the path of a stage's record in its folder."""
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
    leave_out: Sequence[str] = (),
) -> Record:
    """Describe a folder that is complete but for its record.

    Args:
        folder: Holds the stage's files.
        stage: Its name.
        inputs: Digests of what it has read.
        config_fingerprint: Digest of the run's configuration.
        seed: The run's seed.
        seconds: How long it took.
        facts: The stage's own.
        leave_out: Names of files in the folder that do not stay.
    """
    others = {record_file(folder, stage), *(folder / name for name in leave_out)}
    outputs = {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in others
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
    """Read a stage's record, or return None where the stage is not finished.

    Raises:
        DamagedError: The record is not what was written.
        ArtifactError: A newer version of the project wrote it.
    """
    path = record_file(folder, stage)
    if not path.exists():
        return None
    again = f"Run what made it again, which makes it anew: {_command_for({'stage': stage})}."
    try:
        record = read_sealed(path)
    except DamagedError as err:
        raise DamagedError(err.problem, err.rule, again) from err
    mappings = [record.get("inputs"), record.get("outputs")]
    if record.get("stage") != stage or not all(isinstance(each, dict) for each in mappings):
        raise DamagedError(
            f"{path} is no record of the stage {stage!r}.",
            "A record names its stage, and the digests of what it has read and written.",
            again,
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
    """Compare a folder's files with the digests in its record.

    Raises:
        DamagedError: A file is missing or not what was written.
    """
    for name, digest in record["outputs"].items():
        path = folder / name
        found = _digest_if_there(path)
        if found != digest:
            raise DamagedError(
                f"{path} is {'not what its record says' if found else 'missing or unreadable'}.",
                "Artifacts are never changed once their stage has finished.",
                f"Run what made it again, which makes it anew: {_command_for(record)}.",
            )


def _digest_if_there(path: Path) -> str | None:
    """Digest a file; None where there is none, such as in a deleted folder, or a bad sector."""
    try:
        return sha256_of(path)
    except OSError as err:
        if err.errno not in _NOT_THERE:
            raise
        return None


def _command_for(record: Record) -> str:
    """Return the command by which a damaged folder is made again."""
    maker = _MADE_BY.get(record["stage"], record["stage"])
    variant = f" --variant {record.get('variant', 'VARIANT')}" if maker == "train" else ""
    return f"python -m cxr_tasks {maker} --run NAME{variant}"


def versions() -> dict[str, str]:
    """Return the versions of what decides about numbers: Python, libraries, the project's code."""
    installed = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **installed, SOURCE: source_digest()}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
