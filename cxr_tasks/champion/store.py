"""Versions of the champion on the shared volume; each is a finished folder that never changes.

Which of them serves, and when and why that changed, says `champion.json` (`pointer.py`).
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_tasks.champion.pointer import history, serving
from cxr_tasks.errors import ArtifactError, ConfigError
from cxr_tasks.paths import Home
from cxr_tasks.records import Record, check_outputs, find_record, finish_once

if TYPE_CHECKING:
    import pandas as pd

STAGE = "version"
_PREDICTION_TYPES = {"path": str, "part": str, "label": int, "group": int}
_VERSION_NAME = re.compile(r"(\d{4,})-(.+)")


@dataclass(frozen=True)
class Champion:
    """One version of the champion.

    Attributes:
        name: Of its folder, for example `0003-nightly-7`.
        folder: Holds `model.keras`, `predictions.csv`, `model_card.md` and `version.json`.
        record: `version.json`: run, variant, data set, temperature, cut-off, figures.
    """

    name: str
    folder: Path
    record: Record

    @property
    def model_file(self) -> Path:
        """The saved model: image in, probability out."""
        return self.folder / "model.keras"

    def predictions(self) -> "pd.DataFrame":
        """Read what it said of each image of its own data set, in the index' order."""
        return read_predictions(self.folder / "predictions.csv")


def read_predictions(path: Path) -> "pd.DataFrame":
    """Read a `predictions.csv`, of a version or of a run's variant.

    `score` and `calibrated` are out of fold (part `oof`) or of a test image (part `test`) where
    they count; images of other parts had a part in the training.
    """
    import pandas as pd  # not for those who only ask which version serves

    table: pd.DataFrame = pd.read_csv(
        path, dtype=_PREDICTION_TYPES, keep_default_na=False,
        na_values={"calibrated": [""], "cutoff": [""]},
    )  # fmt: skip
    return table


def find_champion(home: Home, version: str | None = None) -> Champion | None:
    """Open the champion, or one of its versions by name; None where none was ever promoted.

    Raises:
        ConfigError: There is no such version.
        ArtifactError: A file of it is missing, not what its record says, or of a newer version.
    """
    if version is None:
        version = serving(home)
    elif version not in versions(home):
        raise ConfigError(
            f"There is no champion version {version!r} in {home.champion}.",
            f"There are: {', '.join(versions(home)) or 'none'}.",
            "Name one of them, or leave it out for the one that serves.",
        )
    return None if version is None else _open(home, version)


def require_champion(home: Home, version: str | None = None) -> Champion:
    """Open the champion that has to be there.

    Raises:
        ConfigError: None was promoted yet, or there is no such version.
        ArtifactError: A file of it is missing, not what its record says, or of a newer version.
    """
    champion = find_champion(home, version)
    if champion is None:
        raise none_yet(home)
    return champion


def versions(home: Home) -> list[str]:
    """Name the versions that serve or have served and are still there, the oldest first."""
    served = {entry["version"] for entry in history(home)}
    return [name for name in _folders(home) if name in served]


def run_key_of(version: str) -> str:
    """Give the run that a version was made by, from the version's name."""
    return version.split("-", 1)[1]


def put_version(
    home: Home,
    run_key: str,
    *,
    inputs: Mapping[str, Path],
    config_fingerprint: str,
    seed: int,
    build: Callable[[Path], Record],
) -> str:
    """Build a new version; it does not serve yet. The caller holds the champion's lock.

    Returns:
        The version's name, a number one above the highest there ever was, and the run's; its
        record says it too.
    """
    known = [*_folders(home), *(entry["version"] for entry in history(home))]
    name = f"{max(map(_number, known), default=0) + 1:04d}-{run_key}"
    finish_once(
        home.champion / name, STAGE, inputs=inputs, config_fingerprint=config_fingerprint,
        seed=seed, build=lambda built: build(built) | {"version": name, "run_key": run_key},
    )  # fmt: skip
    return name


def remove_unserved(home: Home, run_key: str) -> None:
    """Remove what killed promotions of a run left: built, but never in service.

    The caller holds the champion's lock.
    """
    served = {entry["version"] for entry in history(home)}
    for name in _folders(home):
        if run_key_of(name) == run_key and name not in served:
            shutil.rmtree(home.champion / name)


def _open(home: Home, version: str) -> Champion:
    folder = home.champion / version
    record = find_record(folder, STAGE)
    if record is None:
        raise _damaged(folder, "it has no version.json")
    try:
        check_outputs(folder, record)
    except ArtifactError as err:
        raise _damaged(folder, err.problem.rstrip(".")) from err
    return Champion(version, folder, record)


def _damaged(folder: Path, reason: str) -> ArtifactError:
    return ArtifactError(
        f"The champion version {folder.name} is damaged: {reason}.",
        "A version never changes once it is made.",
        f"Restore {folder} from a backup, or let an earlier version serve: "
        "python -m cxr_tasks champion --roll-back.",
    )


def none_yet(home: Home) -> ConfigError:
    """Say that no model serves, and what it takes that one does."""
    return ConfigError(
        f"There is no champion in {home.root}.",
        "A model serves once a run was promoted: split grouped or profile honest, real images, "
        "an audit that does not condemn it.",
        "Run the pipeline to its stage promote; the run's promote/promote.json says why it was "
        "refused, if it was.",
    )


def _folders(home: Home) -> list[str]:
    """Name the finished versions, the oldest first, those that never served too."""
    if not home.champion.is_dir():
        return []
    names = [path.name for path in home.champion.iterdir() if _VERSION_NAME.fullmatch(path.name)]
    finished = [name for name in names if (home.champion / name / f"{STAGE}.json").exists()]
    return sorted(finished, key=_number)


def _number(version: str) -> int:
    return int(version.split("-", 1)[0])
