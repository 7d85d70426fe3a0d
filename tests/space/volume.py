"""A shared volume with small runs, data sets and caches, each with its real record."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxr_tasks.champion.pointer import changing, serve
from cxr_tasks.champion.version_record import VersionFacts
from cxr_tasks.champion.versions import put_version
from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.space.run_state import DAY_SECONDS
from cxr_tasks.training.activations import ActivationsRecord
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import StageRecord
from cxr_tasks.volume.records import make_record, write_record
from tests.made_facts import facts_for, filled

ROOT = Path(__file__).parents[2]


def put_run(
    home: Home,
    key: str,
    *,
    days_ago: float = 0,
    dataset: str | None = None,
    finished: bool = True,
    unchanged_since: str | None = None,
    champion: str | None = None,
    n_bytes: int = 1000,
    **settings: Any,
) -> RunPaths:
    """Put a run on the volume; one without a data set has not been ingested."""
    run = start_run(make_config({"threads": 2, **settings}), home, key)
    if dataset is not None or unchanged_since is not None:
        facts: dict[str, Any] = {
            "dataset": dataset or "",
            "external": None,
            "champion": champion,
            "unchanged_since": unchanged_since,
        }
        finish(run.ingest, IngestRecord, **facts)
    if finished and unchanged_since is None:
        run.report.mkdir()
        (run.report / "index.html").write_bytes(b"x" * n_bytes)
        finish(run.report, ReportRecord)
    changed_at = time.time() - days_ago * DAY_SECONDS
    for path in run.root.rglob("*"):
        os.utime(path, (changed_at, changed_at))
    return run


def put_dataset(home: Home, fingerprint: str, *, n_bytes: int = 5000) -> Path:
    """Put a data set on the volume, of bytes that are no images."""
    folder = home.datasets / fingerprint
    folder.mkdir(parents=True)
    (folder / "images.npy").write_bytes(fingerprint.encode() * (n_bytes // len(fingerprint)))
    finish(folder, DatasetRecord)
    return folder


def put_activations(home: Home, key: str, *, dataset: str) -> Path:
    """Put activations of a data set's images on the volume."""
    folder = home.cache / "activations" / key
    folder.mkdir(parents=True)
    (folder / "activations.npy").write_bytes(b"a" * 3000)
    images = home.datasets / dataset / "images.npy"
    inputs = {"images": sha256_of(images) if images.exists() else dataset}
    finish(folder, ActivationsRecord, inputs=inputs)
    return folder


def put_download(home: Home, handle: str) -> Path:
    """Put a Kaggle download on the volume."""
    folder = home.cache / "kaggle" / handle.replace("/", ".")
    folder.mkdir(parents=True)
    (folder / f"{handle.split('/')[1]}.zip").write_bytes(b"z" * 2000)
    return folder


def put_champion(home: Home, run_key: str, *, dataset: str) -> str:
    """Let a version serve that a run has made."""

    def build(built: Path, name: str) -> VersionFacts:
        (built / "model.keras").write_bytes(b"m" * 100)
        return filled(VersionFacts, dataset=dataset, version=name, run_key=run_key)

    with changing(home):
        version = put_version(
            home, run_key, inputs={}, config_fingerprint="", seed=1, build=build, note=print
        )
        serve(
            home, version, action="promoted", reason="drawn", now=datetime(2026, 1, 1, tzinfo=UTC)
        )
    return version


def finish(
    folder: Path, model: type[StageRecord], *, inputs: dict[str, str] | None = None, **facts: Any
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = make_record(
        folder,
        model,
        inputs=inputs or {},
        config_fingerprint="",
        seed=1,
        seconds=0.1,
        facts=facts_for(model, **facts),
    )
    write_record(folder, record)


def keys(home: Home) -> set[str]:
    """Name the runs that are there."""
    folder = home.root / "runs"
    return {path.name for path in folder.iterdir() if path.name[0] != "."}


def names(folder: Path) -> set[str]:
    """Name everything in a folder, hidden things too."""
    return {path.name for path in folder.iterdir()}


def process_of(*arguments: str, code: str = "") -> "subprocess.Popen[str]":
    """Start a command in a process of its own; `code` runs there before it."""
    start = "import sys\nfrom cxr_tasks.cli.main import main\n"
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            f"{start}{code}\nsys.exit(main(sys.argv[1:], {{}}))",
            *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
