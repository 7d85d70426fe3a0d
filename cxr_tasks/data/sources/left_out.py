"""Why a file of a source is no candidate: by its name and its folders; counted, and what to do."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cxr_tasks.runs.ingest_record import IngestFacts

if TYPE_CHECKING:  # who only names what was left out does without arrays
    from cxr_tasks.data.dataset import DatasetFacts

NO_CLASS = "images in no class folder"
MASK = "files in a mask folder"
STRAY_MASK = "masks of no image"
TABLE = "tables, which are not read"
ARCHIVE = "archives, which are not unpacked"
HIDDEN = "hidden or system files"
OTHER = "other files that are no images by their names"
SPECIAL = "pipes or devices"
LINK_OUT = "links that lead out of the folder"
LINK_BROKEN = "links whose target cannot be reached"
LINK_CIRCLE = "links that lead in a circle"
LINK_AGAIN = "links to what is taken already"
LINK_IN_ARCHIVE = "links in the archive"
DECIDED = "images that a person's decision leaves out"
"""Each a reason as it is counted in `n_left_out_by_reason`."""

LINKS = (LINK_OUT, LINK_BROKEN, LINK_CIRCLE, LINK_AGAIN, LINK_IN_ARCHIVE)
_OLD_LINKS = "links that were not followed"

_SINGULAR = {
    NO_CLASS: "image in no class folder",
    MASK: "file in a mask folder",
    STRAY_MASK: "mask of no image",
    TABLE: "table, which is not read",
    ARCHIVE: "archive, which is not unpacked",
    HIDDEN: "hidden or system file",
    OTHER: "other file that is no image by its name",
    SPECIAL: "pipe or device",
    LINK_OUT: "link that leads out of the folder",
    LINK_BROKEN: "link whose target cannot be reached",
    LINK_CIRCLE: "link that leads in a circle",
    LINK_AGAIN: "link to what is taken already",
    LINK_IN_ARCHIVE: "link in the archive",
    DECIDED: "image that a person's decision leaves out",
    _OLD_LINKS: "link that was not followed",
}

REMEDIES = {
    NO_CLASS: "Right where they are of another class; else correct preset or patterns.",
    MASK: "Right for masks; rename the folder where it holds radiographs.",
    TABLE: "The folders decide the class; a table of patients is given as patients=FILE.csv.",
    STRAY_MASK: "Right if their images are missing; else correct lung_masks.",
    ARCHIVE: "Unpack them where they hold images.",
    LINK_OUT: "Set follow_links (--follow-links, FOLLOW_LINKS=1), or copy the files there.",
    LINK_BROKEN: "Fetch or mount what they lead to, or remove them.",
    LINK_CIRCLE: "Remove them.",
    DECIDED: "Right where the decision is; its file is named by label_decisions.",
    LINK_IN_ARCHIVE: "Pack again without keeping links, or unpack and use source=folder.",
}
"""What to do, where there is something to do."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".dcm", ".jp2")
"""Names that promise an image: counted where they lie in no class's folder."""

_TABLE_SUFFIXES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet")
_ARCHIVE_SUFFIXES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst")
_OTHER_SUFFIX = re.compile(
    r"\.(?:txt|md|rst|json|xml|html|pdf|docx?|odt|rtf|pptx?|ini|cfg|toml|ya?ml|log|db|sqlite|url"
    r"|py|ipynb|sh|mat|np[yz]|pkl|h5|keras|pth?|onnx|md5|sha256|bak|tmp|part|mp4|avi|mov)"
)
"""Names of what else accompanies images; any other file in a class's folder has to be one."""

_OTHER_NAME = re.compile(
    "authors|changelog|checksums|citation|copying|licen[cs]e|makefile|notice|readme"
    "|(?:md5|sha1|sha256)sums"
)
_SYSTEM_NAME = re.compile(
    r"\..*|__macosx|(?:eh)?thumbs\.db|desktop\.ini|\$recycle\.bin|@eadir|#recycle"
    r"|system volume information|lost\+found",
    re.DOTALL,
)
_MASK_WORDS = {"mask", "masks", "lungmask", "lungmasks"}
_SEGMENTATION = ("segmentation", "segmentations")


def why_left_out(path: str, target: str | None = None) -> str:
    """Return why a file is no candidate in any layout; empty where it may be one.

    `target` is where it really lies, if a link leads there; absolute where that is outside.
    """
    if is_hidden(path):
        return HIDDEN
    if suffix_of(path) in _TABLE_SUFFIXES:
        return TABLE
    if suffix_of(path) in _ARCHIVE_SUFFIXES:
        return ARCHIVE
    if _OTHER_SUFFIX.fullmatch(suffix_of(path)):
        return OTHER
    if _OTHER_NAME.fullmatch(PurePosixPath(path).name.lower()):
        return OTHER
    if target and PurePosixPath(target).is_absolute():  # of one outside, two folders are its own
        target = "/".join(PurePosixPath(target).parts[-3:])
    return MASK if is_in_mask_folder(path) or (target and is_in_mask_folder(target)) else ""


def may_be_image(path: str) -> bool:
    """Return whether a file's name lets it be an image: not hidden, no text, no table."""
    return why_left_out(path) in ("", MASK)


def is_named_image(path: str) -> bool:
    """Return whether a file's name promises an image."""
    return suffix_of(path) in IMAGE_SUFFIXES


def is_hidden(path: str) -> bool:
    """Return whether a file, or a folder it is in, is one that systems make for themselves."""
    return any(_SYSTEM_NAME.fullmatch(part.lower()) for part in PurePosixPath(path).parts)


def is_in_mask_folder(path: str) -> bool:
    """Return whether a file is in a folder whose name says that it holds masks of organs.

    A mask is the answer to another question, drawn by a person: as a radiograph it teaches a
    model who drew it. `masks`, `Lung_Masks` and `lung segmentation` say so, and not `Lung
    Segmentation Data`, below which the COVID-QU-Ex data set has its radiographs too.
    """
    for folder in PurePosixPath(path).parts[:-1]:
        words = re.findall("[a-z]+", folder.lower())
        if not _MASK_WORDS.isdisjoint(words) or (words and words[-1] in _SEGMENTATION):
            return True
    return False


def suffix_of(path: str) -> str:
    """Return the end of a file's name from its last dot on, in lower case."""
    return PurePosixPath(path).suffix.lower()


def counted(n: int, reason: str) -> str:
    """Return one count in words: `10 links that lead out of the folder`."""
    return f"{n} {_SINGULAR.get(reason, reason) if n == 1 else reason}"


def left_out_in_words(n_by_reason: Mapping[str, int]) -> str:
    """Return how many files were left out and why; empty where none was."""
    return ", ".join(counted(n, reason) for reason, n in n_by_reason.items() if n)


def n_ignored_links(n_by_reason: Mapping[str, int]) -> int:
    """Count the links that were not followed."""
    return sum(n_by_reason.get(reason, 0) for reason in LINKS)


def left_out_of(
    ingest: IngestFacts, dataset: "DatasetFacts", name: str = "dataset"
) -> dict[str, int]:
    """Read what a run's ingestion left out of a data set.

    The run's own record says it, since the data set may be of an earlier run, when other things
    lay beside the same images. Older records have two counts only.

    Args:
        ingest: The run's record of the stage.
        dataset: The data set's own.
        name: `dataset` or `external`.
    """
    if name in ingest.n_left_out_by_reason:
        return ingest.n_left_out_by_reason[name]
    if "n_left_out_by_reason" in dataset.model_fields_set:
        return dataset.n_left_out_by_reason
    before = {NO_CLASS: dataset.n_unmatched, _OLD_LINKS: dataset.n_ignored_links}
    return {reason: n for reason, n in before.items() if n}
