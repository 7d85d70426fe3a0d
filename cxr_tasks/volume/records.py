"""The record of a finished stage: its JSON, written last, that makes a folder count."""

import errno
import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.files import as_json, building, remove_leftovers, sha256_of
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.record_model import Facts, StageRecord, parse_facts, write_sealed_record
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed
from cxr_tasks.volume.source_code import source_digest

_NOT_THERE = (errno.ENOENT, errno.ESTALE, errno.EIO, errno.EISDIR, errno.ENOTDIR)

StageT = TypeVar("StageT", bound=StageRecord)
Note = Callable[[str], None]

SOURCE = "cxr-tasks source"
"""In a record's versions: the digest of the code that made it."""

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
    model: type[StageT],
    *,
    inputs: Mapping[str, Path],
    config_fingerprint: str,
    seed: int,
    build: Callable[[Path], Facts | Mapping[str, Any]],
    note: Note,
) -> StageT:
    """Build a stage's folder unless it is finished from the same inputs and still whole.

    The caller holds the stage's lock.

    Args:
        folder: Where the finished stage lies.
        model: Its record.
        inputs: Name and file of everything the stage reads; a file may be absent.
        config_fingerprint: Digest of the run's configuration.
        seed: The run's seed.
        build: Writes the files into the folder it is given and returns the stage's own facts.
        note: Told where what is finished is damaged and made again.
    """
    digests = {name: sha256_of(path) for name, path in inputs.items() if path.is_file()}
    finished = find_finished(folder, model, inputs=digests, note=note)
    if finished is not None:
        remove_leftovers(folder)
        return finished
    started = time.monotonic()
    with building(folder) as built:
        facts = build(built)
        record = make_record(
            built,
            model,
            inputs=digests,
            config_fingerprint=config_fingerprint,
            seed=seed,
            seconds=time.monotonic() - started,
            facts=facts,
        )
        write_record(built, record)
    return record


def find_finished(
    folder: Path, model: type[StageT], *, inputs: Mapping[str, str] | None = None, note: Note
) -> StageT | None:
    """Read the record of a stage that is finished from these inputs, every file of it whole.

    What is damaged counts as not finished, so that whoever makes it makes it again.

    Args:
        folder: Where the finished stage lies.
        model: Its record.
        inputs: Digests of what the stage reads now; None where the folder's name stands for them.
        note: Told what is damaged.

    Raises:
        ArtifactError: A newer version of the project wrote it.
    """
    try:
        record = find_record(folder, model)
        if record is None or (inputs is not None and record.inputs != inputs):
            return None
        check_outputs(folder, record)
    except DamagedError as err:
        note(warning(f"{err.problem} It is made again."))
        return None
    return record


def write_record(folder: Path, record: StageRecord) -> None:
    """Write a stage's record into its folder: with it the folder counts as finished."""
    write_sealed_record(folder / record.FILE, record)


def make_record(
    folder: Path,
    model: type[StageT],
    *,
    inputs: Mapping[str, str],
    config_fingerprint: str,
    seed: int,
    seconds: float,
    facts: Facts | Mapping[str, Any],
    leave_out: Sequence[str] = (),
) -> StageT:
    """Describe a folder that is complete but for its record.

    Args:
        folder: Holds the stage's files.
        model: The record.
        inputs: Digests of what the stage has read.
        config_fingerprint: Digest of the run's configuration.
        seed: The run's seed.
        seconds: How long it took.
        facts: The stage's own.
        leave_out: Names of files in the folder that do not stay.

    Raises:
        ValidationError: The facts are not those of this record.
    """
    others = {folder / name for name in (model.FILE, *leave_out)}
    outputs = {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in others
    }
    content = {
        "schema_version": SCHEMA_VERSION,
        "stage": model.stage_name(),
        "seconds": round(seconds, 3),
        "seed": seed,
        "config_fingerprint": config_fingerprint,
        "inputs": dict(inputs),
        "outputs": outputs,
        "versions": versions(),
        **(facts.content() if isinstance(facts, Facts) else facts),
    }
    return model.model_validate(as_json(content))


def find_record(folder: Path, model: type[StageT]) -> StageT | None:
    """Read a stage's record, or return None where the stage is not finished.

    Raises:
        DamagedError: The record is not what was written, or not such a record.
        ArtifactError: A newer version of the project wrote it.
    """
    path = folder / model.FILE
    if not path.exists():
        return None
    again = f"Run what made it again, which makes it anew: {_command_for(model)}."
    try:
        content = read_sealed(path)
    except DamagedError as err:
        raise DamagedError(err.problem, err.rule, again) from err
    return parse_facts(content, model, path=path, remedy=again)


def require_record(folder: Path, model: type[StageT]) -> StageT:
    """Read the record of a stage that has to be finished, and check its files against it.

    Raises:
        ArtifactError: The stage is not finished, or a newer version of the project wrote it.
        DamagedError: The record or a file is not what was written.
    """
    record = find_record(folder, model)
    if record is None:
        raise ArtifactError(
            f"The stage {model.stage_name()!r} of this run is not finished: "
            f"{folder / model.FILE} is missing.",
            "Each stage builds on the finished stages before it.",
            f"Run it first: python -m cxr_tasks {model.COMMAND} --run NAME.",
        )
    check_outputs(folder, record)
    return record


def check_outputs(folder: Path, record: StageRecord) -> None:
    """Compare a folder's files with the digests in its record.

    Raises:
        DamagedError: A file is missing or not what was written.
    """
    for name, digest in record.outputs.items():
        path = folder / name
        found = _digest_if_there(path)
        if found != digest:
            variant = getattr(record, "variant", "VARIANT")
            raise DamagedError(
                f"{path} is {'not what its record says' if found else 'missing or unreadable'}.",
                "Artifacts are never changed once their stage has finished.",
                "Run what made it again, which makes it anew: "
                f"{_command_for(type(record), variant)}.",
            )


def _digest_if_there(path: Path) -> str | None:
    """Digest a file; None where there is none, such as in a deleted folder, or a bad sector."""
    try:
        return sha256_of(path)
    except OSError as err:
        if err.errno not in _NOT_THERE:
            raise
        return None


def _command_for(model: type[StageRecord], variant: str = "VARIANT") -> str:
    """Return the command by which a damaged folder is made again."""
    of = f" --variant {variant}" if model.COMMAND == "train" else ""
    return f"python -m cxr_tasks {model.COMMAND} --run NAME{of}"


def versions() -> dict[str, str]:
    """Return the versions of what decides about numbers: Python, libraries, the project's code."""
    installed = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **installed, SOURCE: source_digest()}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
