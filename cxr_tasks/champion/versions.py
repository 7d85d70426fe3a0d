"""Versions of the champion on the shared volume; each is a finished folder that never changes.

Which of them serves, and when and why that changed, is in `champion.json` (`pointer.py`).
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_tasks.champion.pointer import begin, history, retirement, serving
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import Note, check_outputs, find_record, finish_once

if TYPE_CHECKING:
    import pandas as pd

    from cxr_tasks.champion.pointer_record import ServiceEntry
    from cxr_tasks.champion.version_record import VersionFacts, VersionRecord

_PREDICTION_TYPES = {"path": str, "part": str, "label": int, "group": int}
_VERSION_NAME = re.compile(r"(\d{4,})-(.+)")


@dataclass(frozen=True)
class Champion:
    """One version of the champion."""

    name: str  # of its folder, for example `0003-nightly-7`
    folder: Path  # holds `model.keras`, `predictions.csv`, `model_card.md` and `version.json`
    record: "VersionRecord"  # `version.json`: run, variant, data set, temperature, cut-off, figures

    @property
    def model_file(self) -> Path:
        """The saved model: image in, probability out."""
        return self.folder / "model.keras"

    def predictions(self) -> "pd.DataFrame":
        """Read its predictions for each image of its own data set, in the index' order."""
        return read_predictions(self.folder / "predictions.csv")


def read_predictions(path: Path) -> "pd.DataFrame":
    """Read a `predictions.csv`, of a version or of a run's variant.

    `score` and `calibrated` are out of fold (part `oof`) or of a test image (part `test`) where
    they count; images of other parts had a part in the training.
    """
    import pandas as pd  # not for those who only ask which version serves

    missing = {"calibrated": [""], "cutoff": [""]}
    table: pd.DataFrame = pd.read_csv(
        path, dtype=_PREDICTION_TYPES, keep_default_na=False, na_values=missing
    )
    return table


def require_champion(home: Home, version: str | None = None) -> Champion:
    """Open the champion that serves, or one of its versions by name.

    Raises:
        ConfigError: No version serves, or there is none of this name.
        DamagedError: A file of it is missing or not what its record says.
        ArtifactError: It is of a newer version of the project.
    """
    if version is None:
        version = serving(home)
        if version is None:
            raise no_champion(home, retirement(home))
    elif version not in versions(home):
        raise ConfigError(
            f"There is no champion version {version!r} in {home.champion}.",
            f"There are: {', '.join(versions(home)) or 'none'}.",
            "Name one of them, or leave it out for the one that serves.",
        )
    return open_version(home, version)


def dataset_of(home: Home, version: str) -> str:
    """Return the fingerprint of the data set that a version was trained on.

    Raises:
        CxrError: There is no such version, or it is damaged.
    """
    return require_champion(home, version).record.dataset


def open_version(home: Home, version: str) -> Champion:
    """Open a version whose name is known to be one.

    Raises:
        DamagedError: A file of it is missing or not what its record says.
    """
    folder, record = home.champion / version, version_record(home, version)
    try:
        check_outputs(folder, record)
    except DamagedError as err:
        raise _damaged(folder, err.problem.rstrip(".")) from err
    return Champion(version, folder, record)


def version_record(home: Home, version: str) -> "VersionRecord":
    """Read a version's record, without a look at its other files.

    Raises:
        DamagedError: It is missing or not what was written.
    """
    from cxr_tasks.champion.version_record import VersionRecord

    folder = home.champion / version
    try:
        record = find_record(folder, VersionRecord)
    except DamagedError as err:
        raise _damaged(folder, err.problem.rstrip(".")) from err
    if record is None:
        raise _damaged(folder, "it has no version.json")
    if record.version != version:
        raise _damaged(folder, f"its version.json is that of {record.version}")
    return record


def versions(home: Home) -> list[str]:
    """Return the versions that serve or have served and are still there, the oldest first."""
    served = {entry.version for entry in history(home)}
    return [name for name in finished_versions(home) if name in served]


def finished_versions(home: Home) -> list[str]:
    """Return all finished versions, the oldest first, those that never served too."""
    if not home.champion.is_dir():
        return []
    names = [path.name for path in home.champion.iterdir() if _VERSION_NAME.fullmatch(path.name)]
    finished = [name for name in names if (home.champion / name / "version.json").exists()]
    return sorted(finished, key=_number)


def run_key_of(version: str) -> str:
    """Return the run that a version was made by, from the version's name."""
    return version.split("-", 1)[1]


def put_version(
    home: Home,
    run_key: str,
    *,
    inputs: Mapping[str, Path],
    config_fingerprint: str,
    seed: int,
    build: "Callable[[Path, str], VersionFacts]",
    note: Note,
    name: str | None = None,
) -> str:
    """Build a version of a run's files; a new one does not serve yet.

    The caller holds the champion's lock. `build` writes the files of the version of that name and
    returns the facts of its record; `name` is that of a version to be made again.

    Returns:
        The version's name: of a new one a number above the highest there ever was, and the run's.
    """
    from cxr_tasks.champion.version_record import VersionRecord

    begin(home)
    known = [*finished_versions(home), *(entry.version for entry in history(home))]
    named = name or f"{max(map(_number, known), default=0) + 1:04d}-{run_key}"
    finish_once(
        home.champion / named,
        VersionRecord,
        inputs=inputs,
        config_fingerprint=config_fingerprint,
        seed=seed,
        build=lambda built: build(built, named),
        note=note,
    )
    return named


def remove_unserved(home: Home, run_key: str) -> None:
    """Remove what killed promotions of a run left: built, but never in service.

    The caller holds the champion's lock.
    """
    for path in home.champion.glob(f".*-{run_key}.building-*"):
        shutil.rmtree(path, ignore_errors=True)
    served = versions(home)
    for name in finished_versions(home):
        if run_key_of(name) == run_key and name not in served:
            shutil.rmtree(home.champion / name)


def no_champion(home: Home, retired: "ServiceEntry | None" = None) -> ConfigError:
    """Report that no model serves, since which retirement if any, and what it takes for one."""
    if retired is None:
        return ConfigError(
            f"There is no champion in {home.root}.",
            "A model serves once a run was promoted: split grouped or profile honest, real images, "
            "an audit that does not condemn it.",
            "Run the pipeline to its stage promote; the run's promote/promote.json says why it was "
            "refused, if it was.",
        )
    return ConfigError(
        f"No champion serves in {home.root}: {retired.version} was retired {retired.in_words()}.",
        "A model serves once a run is promoted, or once a version is named for it.",
        "Run the pipeline to its stage promote; or name one of "
        f"{', '.join(versions(home)) or 'the versions, of which none is left'}: "
        "python -m cxr_tasks champion --roll-back VERSION.",
    )


def _damaged(folder: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"The champion version {folder.name} is damaged: {reason}.",
        "A version never changes once it is made.",
        f"Where its run still exists, python -m cxr_tasks promote --run {run_key_of(folder.name)} "
        f"makes it again; else restore {folder} from a backup, or let an earlier version serve: "
        "python -m cxr_tasks champion --roll-back.",
    )


def _number(version: str) -> int:
    return int(version.split("-", 1)[0])
