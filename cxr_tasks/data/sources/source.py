"""Where images come from, by the setting `source`, and whether they may have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.data.phantom.plan import PHANTOM_VERSION, PhantomImage, draw_phantom, plan_phantom
from cxr_tasks.data.sources.candidates import Candidate, Listing
from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.data.sources.kaggle import download_dataset
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import SourceError
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.settings.mask_pattern import mask_pattern_of
from cxr_tasks.settings.presets import preset_of
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Report


class Reader(Protocol):
    """Reads files; can be pickled, so that worker processes read from it."""

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
        """Digest everything that `read` can return."""

    def listing(self) -> Listing:
        """List the files of both classes; what cannot be an image is left out."""

    def watched(self) -> list[Path]:
        """Return the files of which one changes where the data set does."""


@dataclass(frozen=True)
class PhantomSource:
    """Synthetic radiographs, drawn when they are read."""

    n_images: int
    seed: int
    difficulty: Difficulty = "hard"
    synthetic: bool = True

    @property
    def description(self) -> str:
        """What it is, for people."""
        kind = f"phantom, {self.difficulty}"
        return f"{self.n_images} synthetic radiographs ({kind}), seed {self.seed}"

    def digest(self) -> str:
        """Digest what the images are drawn from."""
        drawn_from = {"n": self.n_images, "seed": self.seed, "difficulty": self.difficulty}
        return digest_of({"phantom": PHANTOM_VERSION, **drawn_from})

    def listing(self) -> Listing:
        """List the images as if they were files."""
        images = _planned(self.n_images, self.seed).values()
        return Listing(tuple(Candidate(each.path, each.label, each.patient) for each in images))

    def watched(self) -> list[Path]:
        """Return no file: what is drawn never changes."""
        return []

    def read(self, candidate: Candidate) -> bytes:
        """Draw one image."""
        image = _planned(self.n_images, self.seed)[candidate.path]
        return draw_phantom(image, seed=self.seed, difficulty=self.difficulty)


@lru_cache(maxsize=1)
def _planned(n_images: int, seed: int) -> dict[str, PhantomImage]:
    return {image.path: image for image in plan_phantom(n_images, seed=seed)}


def open_source(
    config: RunConfig, *, home: Home, environ: Mapping[str, str], report: Report
) -> Source:
    """Open the source that a configuration names; `kaggle` downloads it where it is not cached.

    Raises:
        SourceError: It cannot be reached.
    """
    path = Path(config.data)
    masks = mask_pattern_of(config)
    match config.source:
        case "folder":
            links = config.follow_links
            return FolderSource(path, preset_of(config), follow_links=links, masks=masks)
        case "zip":
            return ZipSource(path, preset_of(config), f"zip file {path.name}", masks=masks)
        case "kaggle":
            handle = read_handle("kaggle_dataset", config.kaggle_dataset)
            cache = home.cache / "kaggle"
            path = download_dataset(handle, folder=cache, environ=environ, report=report)
            description = f"Kaggle data set {handle}"
            return ZipSource(path, preset_of(config), description, masks=masks)
        case "phantom":
            return PhantomSource(config.phantom_images, config.seed, config.phantom_difficulty)


def stamp_of(source: Source, *, tables: Sequence[str] = ()) -> str:
    """Digest names, sizes and times of what a source holds, without reading its images.

    Equal stamps mean that nothing was written, nor to the tables (patients, label decisions; empty
    where there is none); other stamps need not mean other images.

    Raises:
        SourceError: A file cannot be looked at.
    """
    files = [*(Path(name) for name in tables if name), *source.watched()]
    return digest_of([_facts(path) for path in files])


def _facts(path: Path) -> list[object]:
    try:
        facts = path.stat()
    except OSError as err:
        raise SourceError(
            f"{path} cannot be looked at: {err.strerror}.",
            "What is watched stays in its place and can be read.",
            "Correct data, patients or label_decisions in defaults.toml, or the permissions.",
        ) from err
    # a name need not be Unicode
    return [str(path).encode(errors="surrogateescape").hex(), facts.st_size, facts.st_mtime_ns]
