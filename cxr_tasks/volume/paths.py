"""Where everything lies on the shared volume, `$CXR_HOME`."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

from cxr_tasks.errors import ConfigError, shown

StageName = Literal["ingest", "split", "audit", "train", "fold", "evaluate", "report", "promote"]
STAGES: tuple[StageName, ...] = get_args(StageName)
"""In the order of a run; the audit goes beside the trainings, a fold within one."""

RECORD_FILES: Mapping[StageName, str] = {
    "ingest": "ingest.json",
    "split": "split.json",
    "audit": "audit.json",
    "train": "train.json",
    "evaluate": "comparison.json",
    "report": "report.json",
    "promote": "promote.json",
}
"""What each stage writes last. As text: to import all their models takes seconds."""

LockName = StageName | Literal["start", "failure", "track", "publish"]
"""What works on a run: a stage, what begins it, what writes down a failure, what sends it on."""

MAX_RUN_KEY_LENGTH = 120
_SAFE_RUN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Home:
    """The places of the shared volume."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root
        self.datasets: Final = root / "datasets"  # ingested image stores, one folder a fingerprint
        self.cache: Final = root / "cache"  # what can be had again: downloads, backbone weights
        self.locks: Final = root / "locks"  # a lock of the operating system dies with its holder
        self.champion: Final = root / "champion"  # the model that serves, and those before it
        self.notes: Final = root / "notes"  # what people say of runs; stays when a run goes

    def scores(self, name: str) -> Path:
        """Return the folder of one batch of scored images.

        Raises:
            ConfigError: The name could not be one folder's name on every file system.
        """
        return self.root / "scores" / check_run_key(name)

    def run(self, run_key: str) -> "RunPaths":
        """Return the folders of one run.

        Raises:
            ConfigError: The name could not be one folder's name on every file system.
        """
        return RunPaths(self, check_run_key(run_key))


class RunPaths:
    """The places of one run: a folder for each stage."""

    def __init__(self, home: Home, key: str) -> None:
        self.home: Final = home
        self.key: Final = key
        self.root: Final = home.root / "runs" / key
        self.config: Final = self.root / "config.json"  # checked, written before the first stage
        self.starts: Final = self.root / "starts.json"  # who began it, and went on with it
        self.progress: Final = self.root / "progress.jsonl"  # a line for each thing worth knowing
        self.ingest: Final = (
            self.root / "ingest"
        )  # which data set and backbone weights the run uses
        self.split: Final = self.root / "split"  # which image is in which part
        self.audit: Final = (
            self.root / "audit"
        )  # what else than disease could tell the classes apart
        self.evaluate: Final = self.root / "evaluate"  # scores and metrics of each finished variant
        self.report: Final = self.root / "report"  # the page, its figures as JSON, and the table
        self.remedies: Final = self.root / "remedies"  # what of its score survives
        self.approval: Final = self.root / "approval.json"  # what a person is asked before that
        self.promote: Final = self.root / "promote"  # whether its model took the champion's place

    def train(self, variant: str) -> Path:
        """Return the place of a finished training."""
        return self.root / "train" / variant

    def training(self, variant: str) -> Path:
        """Return that of one under way: fixed in name, so that a retry finds its checkpoint."""
        return self.root / "train" / f"{variant}.partial"

    def error(self, stage: StageName, variant: str | None = None) -> Path:
        """Return the place of how a stage failed, while it has not succeeded since."""
        return self.root / (f"{stage}/{variant}.error.json" if variant else f"{stage}.error.json")

    def lock(self, stage: LockName, variant: str | None = None) -> Path:
        """Return the lock that keeps two processes from one stage of this run."""
        name = f"run-{self.key}-{stage}" + (f"-{variant}" if variant else "")
        return self.home.locks / f"{name}.lock"


def check_run_key(name: object) -> str:
    """Refuse a run name that is no text, or not safely the name of one folder."""
    if isinstance(name, str) and len(name) <= MAX_RUN_KEY_LENGTH and _SAFE_RUN_KEY.fullmatch(name):
        return name
    raise ConfigError(
        f"The run name {shown(name)} cannot be used.",
        "A run name is text. It begins with a letter or digit, goes on with letters, digits, dot, "
        f"dash and underscore, and has at most {MAX_RUN_KEY_LENGTH} characters.",
        "Choose another name, for example run=first-try.",
    )


def run_key_from(run_id: str) -> str:
    """Make a folder name of an Airflow run id, such as `manual__2026-01-31T03:00:00+00:00`."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id).strip("-._")
    return check_run_key(safe[:MAX_RUN_KEY_LENGTH] or "run")


def find_inside(folder: Path, path: Path) -> Path | None:
    """Follow links to a file; None where it is none, or lies outside `folder`.

    The folder's own name is taken as it is: if it is a link, nothing in it counts.
    """
    try:
        if _is_plainly_inside(str(folder), str(path)):  # without a look at all folders above
            return path
        real, parent = os.path.realpath(path), os.path.realpath(folder.parent)
        within = Path(real).is_relative_to(Path(parent) / folder.name)
    except (OSError, ValueError):  # it is not there; or no file can have this name
        return None
    return Path(real) if within and os.path.isfile(real) else None  # noqa: PTH113


def _is_plainly_inside(folder: str, path: str) -> bool:
    """Return whether a file lies below a folder by its path, and nothing from there on is a link.

    Raises:
        OSError: There is no such file.
    """
    place, below = folder, path.removeprefix(f"{folder}/")
    if below == path or ".." in below.split("/"):
        return False
    for part in below.split("/"):
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return False
        place = f"{place}/{part}"
    return stat.S_ISREG(os.lstat(place).st_mode)
