"""What the name of a file, and the folders it is in, say that it is."""

import re
from pathlib import PurePosixPath

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".dcm", ".jp2")
"""Names that promise an image: counted where they lie in no class's folder."""

TABLE_SUFFIXES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet")
ARCHIVE_SUFFIXES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst")
_OTHER_SUFFIXES = (
    ".txt",
    ".md",
    ".rst",
    ".json",
    ".xml",
    ".html",
    ".pdf",
    ".doc",
    ".docx",
    ".odt",
    ".rtf",
    ".ppt",
    ".pptx",
    ".ini",
    ".cfg",
    ".toml",
    ".yaml",
    ".yml",
    ".log",
    ".db",
    ".sqlite",
    ".url",
    ".py",
    ".ipynb",
    ".sh",
    ".mat",
    ".npy",
    ".npz",
    ".pkl",
    ".h5",
    ".keras",
    ".pt",
    ".pth",
    ".onnx",
    ".md5",
    ".sha256",
    ".bak",
    ".tmp",
    ".part",
    ".mp4",
    ".avi",
    ".mov",
)
"""Names of what else accompanies images; any other file in a class's folder has to be one."""

_OTHER_NAMES = (
    "authors",
    "changelog",
    "checksums",
    "citation",
    "copying",
    "licence",
    "license",
    "makefile",
    "md5sums",
    "notice",
    "readme",
    "sha1sums",
    "sha256sums",
)
_SYSTEM_NAMES = (
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "@eadir",
    "#recycle",
    "system volume information",
    "lost+found",
)
_MASK_WORDS = {"mask", "masks", "lungmask", "lungmasks"}
_SEGMENTATION = ("segmentation", "segmentations")
_WORD = re.compile(r"[a-z]+")


def may_be_image(path: str) -> bool:
    """Say of a file whether its name lets it be an image: not hidden, no text, no table."""
    if is_hidden(path) or PurePosixPath(path).name.lower() in _OTHER_NAMES:
        return False
    return suffix_of(path) not in (*TABLE_SUFFIXES, *ARCHIVE_SUFFIXES, *_OTHER_SUFFIXES)


def is_named_image(path: str) -> bool:
    """Return whether a file's name promises an image."""
    return suffix_of(path) in IMAGE_SUFFIXES


def is_hidden(path: str) -> bool:
    """Say whether a file, or a folder it is in, is one that systems make for themselves."""
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") or part.lower() in _SYSTEM_NAMES for part in parts)


def is_in_mask_folder(path: str) -> bool:
    """Return whether a file is in a folder whose name says that it holds masks of organs.

    A mask is the answer to another question, drawn by a person: as a radiograph it teaches a
    model who drew it.
    """
    return any(map(is_mask_folder, PurePosixPath(path).parts[:-1]))


def is_mask_folder(name: str) -> bool:
    """Return whether a folder's own name says mask: `masks`, `Lung_Masks`, `lung segmentation`.

    Not `Lung Segmentation Data`, below which the COVID-QU-Ex data set has its radiographs too.
    """
    words = _WORD.findall(name.lower())
    return not _MASK_WORDS.isdisjoint(words) or words[-1:] in ([word] for word in _SEGMENTATION)


def suffix_of(path: str) -> str:
    """Give the end of a file's name from its last dot on, in lower case."""
    return PurePosixPath(path).suffix.lower()
