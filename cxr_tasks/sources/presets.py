"""Which files of a data set belong to which class."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from cxr_tasks.errors import DataError, first_few
from cxr_tasks.settings import RunConfig
from cxr_tasks.sources.patterns import matches, relative_pattern

COVID, NORMAL = 1, 0
CLASS_NAMES = {COVID: "COVID-19", NORMAL: "normal"}

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".dcm", ".jp2")
"""Names that promise an image: counted where they lie in no class's folder."""

_OTHER_SUFFIXES = (
    ".csv", ".tsv", ".txt", ".md", ".rst", ".json", ".xml", ".html", ".pdf", ".doc", ".docx",
    ".xls", ".xlsx", ".ini", ".db", ".yaml", ".yml", ".py", ".ipynb", ".zip", ".gz", ".tar",
)  # fmt: skip
"""Names of what accompanies images; any other file in a class's folder has to be one."""


@dataclass(frozen=True)
class Preset:
    """The patterns of each class, relative to the data's root.

    What they may hold is said at `patterns.matches`.
    """

    covid: str
    normal: str

    def label(self, path: str) -> int | None:
        """Give the class of a path, or None where neither pattern matches.

        Raises:
            DataError: Both patterns match.
        """
        labels = [
            label for label, pattern in ((COVID, self.covid), (NORMAL, self.normal))
            if matches(path, pattern)
        ]  # fmt: skip
        if len(labels) > 1:
            raise DataError(
                f"{path!r} belongs to both classes.",
                f"A file matches {self.covid!r} (COVID-19) or {self.normal!r} (normal), not both.",
                "Make the patterns covid_glob and normal_glob narrower.",
            )
        return labels[0] if labels else None


PRESETS: dict[str, Preset] = {
    "study": Preset("COVID/**", "NORMAL/**"),
    "radiography": Preset("**/COVID/images/*", "**/Normal/images/*"),
}
"""Data sets whose folders are known; `custom` brings its own patterns."""


@dataclass(frozen=True)
class Labelled:
    """The files of a data set that belong to a class, in the order Keras lists them.

    Attributes:
        paths: Full names and their labels.
        n_unmatched: Image files that belong to neither class.
    """

    paths: tuple[tuple[str, int], ...]
    n_unmatched: int


def preset_of(config: RunConfig) -> Preset:
    """Choose the patterns that a configuration names.

    Raises:
        ConfigError: A pattern can match nothing.
    """
    if config.preset == "custom":
        return Preset(
            relative_pattern("covid_glob", config.covid_glob, root=config.data),
            relative_pattern("normal_glob", config.normal_glob, root=config.data),
        )
    return PRESETS[config.preset]


def label_paths(paths: Iterable[str], preset: Preset) -> Labelled:
    """Sort files into classes.

    Where nothing matches and all files lie in one top folder, that folder is looked through:
    archives are often packed with one.

    Args:
        paths: POSIX names relative to the data's root.
        preset: The classes' patterns.
    """
    names = [path for path in paths if may_be_image(path)]
    labels, start = _labels(names, preset)
    matched = sorted(labels, key=lambda path: keras_order(path[start:]))
    return Labelled(
        tuple((path, labels[path]) for path in matched),
        sum(_is_named_image(path) for path in names if path not in labels),
    )


def may_be_image(path: str) -> bool:
    """Say of a file whether its name lets it be an image: not hidden, no text, no table."""
    return not is_hidden(path) and suffix_of(path) not in _OTHER_SUFFIXES


def is_hidden(path: str) -> bool:
    """Say whether a file, or a folder it is in, is one that systems make for themselves."""
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def suffix_of(path: str) -> str:
    """Give the end of a file's name from its last dot on, in lower case."""
    return PurePosixPath(path).suffix.lower()


def keras_order(path: str) -> tuple[str, str, str]:
    """Sort as `keras.utils.image_dataset_from_directory` lists files: class, folder, name."""
    folder, _, name = path.rpartition("/")
    return path.partition("/")[0], folder, name


def top_folders(paths: Iterable[str]) -> str:
    """Name the first few top folders, for a message about what was found."""
    return first_few(sorted({repr(path.partition("/")[0]) for path in paths})) or "nothing"


def _labels(names: list[str], preset: Preset) -> tuple[dict[str, int], int]:
    """Label the names that match behind their common top folders, and say how long those are."""
    start: int | None = 0
    while start is not None:
        labels = {path: preset.label(path[start:]) for path in names}
        matched = {path: label for path, label in labels.items() if label is not None}
        if matched:
            return matched, start
        start = _end_of_common_top(names, start)
    return {}, 0


def _end_of_common_top(names: list[str], start: int) -> int | None:
    end = names[0].find("/", start) + 1 if names else 0
    common = end and all(name.startswith(names[0][:end]) for name in names)
    return end if common else None


def _is_named_image(path: str) -> bool:
    return suffix_of(path) in IMAGE_SUFFIXES
