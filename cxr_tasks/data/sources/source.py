"""Where images come from, by the setting `source`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cxr_tasks.data.phantom.plan import (
    PHANTOM_VERSION,
    Difficulty,
    PhantomImage,
    draw_phantom,
    plan_phantom,
)
from cxr_tasks.data.sources.candidates import Candidate, Listing
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.settings.presets import preset_of
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import Home

Report = Callable[[str], None]


class Reader(Protocol):
    """Gives files; can be pickled, so that worker processes read from it."""

    def read(self, candidate: Candidate) -> bytes:
        """Read one file.

        Raises:
            UnusableImage: This file cannot be read; others can.
            SourceError: The source cannot be read any more.
        """


class Source(Reader, Protocol):
    """A data set: files, and the class of each."""

    @property
    def synthetic(self) -> bool:
        """Whether this project drew the images."""

    @property
    def description(self) -> str:
        """What it is, for people."""

    def digest(self) -> str:
        """Digest everything that `read` can give."""

    def listing(self) -> Listing:
        """List the files of both classes; what cannot be an image is left out."""


@dataclass
class PhantomSource:
    """Synthetic radiographs, drawn when they are read."""

    n_images: int
    seed: int
    difficulty: Difficulty = "hard"
    synthetic: bool = True
    _plan: dict[str, PhantomImage] = field(default_factory=dict, repr=False, compare=False)

    @property
    def description(self) -> str:
        """What it is, for people."""
        return (
            f"{self.n_images} synthetic radiographs (phantom, {self.difficulty}), seed {self.seed}"
        )

    def digest(self) -> str:
        """Digest what the images are drawn from."""
        return digest_of(
            {
                "phantom": PHANTOM_VERSION,
                "n": self.n_images,
                "seed": self.seed,
                "difficulty": self.difficulty,
            }
        )

    def listing(self) -> Listing:
        """List the images as if they were files."""
        return Listing(
            tuple(
                Candidate(image.path, image.label, image.patient)
                for image in self._planned().values()
            )
        )

    def read(self, candidate: Candidate) -> bytes:
        """Draw one image."""
        return draw_phantom(
            self._planned()[candidate.path], seed=self.seed, difficulty=self.difficulty
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the plan behind: each process makes the same."""
        return self.__dict__ | {"_plan": {}}

    def _planned(self) -> dict[str, PhantomImage]:
        if not self._plan:
            images = plan_phantom(self.n_images, seed=self.seed)
            self._plan = {image.path: image for image in images}
        return self._plan


def open_source(
    config: RunConfig, *, home: Home, environ: Mapping[str, str], report: Report
) -> Source:
    """Open the source that a configuration names; `kaggle` downloads it where it is not cached.

    Raises:
        SourceError: It cannot be reached.
    """
    return SOURCES[config.source](config, home, environ, report)


def _folder(
    config: RunConfig, _home: Home, _environ: Mapping[str, str], _report: Report
) -> FolderSource:
    return FolderSource(Path(config.data), preset_of(config), follow_links=config.follow_links)


def _zip(config: RunConfig, _home: Home, _environ: Mapping[str, str], _report: Report) -> ZipSource:
    path = Path(config.data)
    return ZipSource(path, preset_of(config), f"zip file {path.name}")


def _kaggle(config: RunConfig, home: Home, environ: Mapping[str, str], report: Report) -> ZipSource:
    from cxr_tasks.data.sources.kaggle import download_dataset

    handle = read_handle("kaggle_dataset", config.kaggle_dataset)
    path = download_dataset(handle, folder=home.cache / "kaggle", environ=environ, report=report)
    return ZipSource(path, preset_of(config), f"Kaggle data set {handle}")


def _phantom(
    config: RunConfig, _home: Home, _environ: Mapping[str, str], _report: Report
) -> PhantomSource:
    difficulty: Any = config.phantom_difficulty  # checked against its choices
    return PhantomSource(config.phantom_images, config.seed, difficulty)


SOURCES: dict[str, Callable[[RunConfig, Home, Mapping[str, str], Report], Source]] = {
    "folder": _folder,
    "zip": _zip,
    "kaggle": _kaggle,
    "phantom": _phantom,
}
"""How each source is opened."""
