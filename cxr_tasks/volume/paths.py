"""Where everything lies on the shared volume, `$CXR_HOME`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cxr_tasks.errors import ConfigError, shown

StageName = Literal["ingest", "split", "audit", "train", "fold", "evaluate", "report", "promote"]
STAGES: tuple[StageName, ...] = get_args(StageName)
"""In the order of a run; the audit goes beside the trainings, a fold within one."""

LockName = StageName | Literal["start", "failure"]
"""What works on a run: a stage, what begins the run, what writes down a failure."""

MAX_RUN_KEY_LENGTH = 120
_SAFE_RUN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Home:
    """The shared volume."""

    root: Path

    @property
    def datasets(self) -> Path:
        """Ingested image stores, one folder a content fingerprint."""
        return self.root / "datasets"

    @property
    def cache(self) -> Path:
        """What can be fetched or computed again: downloads, backbone weights."""
        return self.root / "cache"

    @property
    def locks(self) -> Path:
        """Lock files; an operating-system lock on them dies with its holder."""
        return self.root / "locks"

    @property
    def champion(self) -> Path:
        """The model that serves, and those that served before it."""
        return self.root / "champion"

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


@dataclass(frozen=True)
class RunPaths:
    """The folders of one run, one for each stage."""

    home: Home
    key: str

    @property
    def root(self) -> Path:
        """The run's own folder."""
        return self.home.root / "runs" / self.key

    @property
    def config(self) -> Path:
        """The checked configuration, written before the first stage."""
        return self.root / "config.json"

    @property
    def progress(self) -> Path:
        """One JSON line for each thing that a watching person wants to know."""
        return self.root / "progress.jsonl"

    @property
    def ingest(self) -> Path:
        """Which data set and which backbone weights this run uses."""
        return self.root / "ingest"

    @property
    def split(self) -> Path:
        """Which image is in which part."""
        return self.root / "split"

    def train(self, variant: str) -> Path:
        """A finished training."""
        return self.root / "train" / variant

    def training(self, variant: str) -> Path:
        """A training under way: fixed in name, so that a retry finds its checkpoint."""
        return self.root / "train" / f"{variant}.partial"

    @property
    def audit(self) -> Path:
        """What else than disease could tell the classes apart."""
        return self.root / "audit"

    @property
    def evaluate(self) -> Path:
        """Scores and metrics of each finished variant."""
        return self.root / "evaluate"

    @property
    def report(self) -> Path:
        """The page, its figures as JSON, and the table."""
        return self.root / "report"

    @property
    def promote(self) -> Path:
        """Whether the run's model took the champion's place, and why."""
        return self.root / "promote"

    def error(self, stage: StageName, variant: str | None = None) -> Path:
        """How a stage failed, while it has not succeeded since."""
        return (
            self.root / stage / f"{variant}.error.json"
            if variant
            else (self.root / f"{stage}.error.json")
        )

    def lock(self, stage: LockName, variant: str | None = None) -> Path:
        """The lock that keeps two processes from one stage of this run."""
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
