"""An ingested data set, opened for the stages that use it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS
from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.data.label_decisions_record import LabelDecisionFacts
from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.record_model import Facts, StageRecord
from cxr_tasks.volume.records import check_outputs, find_record

if TYPE_CHECKING:  # pandas takes long to import; workers that decode images do without it
    import pandas as pd

INDEX_COLUMNS = {
    "path": str,
    "label": np.int64,
    "patient": str,
    "source": str,
    "width": np.int64,
    "height": np.int64,
    "mode": str,
    "format": str,
    "bytes": np.int64,
    "jpeg_tables": str,
    "jpeg_quantization": np.float64,
    "sha256": str,
    "phash": str,
    "depth": str,
    **dict.fromkeys(ACQUISITION_FIELDS, str),
    "mask": str,
}
"""Of `index.csv`, with their types: one row an image."""

GIVEN = "given"
"""In the column `mask`: by the user."""

MASKS_FILE = "masks.npy"

_LATER_COLUMNS = ("depth", *ACQUISITION_FIELDS, "mask")
"""Which older stores lack."""


RemedyName = Literal["lungs", "alike", "both", "balanced"]


class RemedyFacts(Facts):
    """What was made of another data set, so that a shortcut tells less."""

    name: RemedyName
    """The setting `remedy`."""
    base: str
    """Fingerprint of that data set."""
    done: str
    """What was done, for a person."""
    n_left_out_by_class: dict[str, int]
    """Its images that are not in this one."""

    @property
    def changes_pictures(self) -> bool:
        """Whether the pictures are others than those of the base, row by row."""
        return self.name != "balanced"


class DatasetFacts(Facts):
    """What was taken, and what was not."""

    source: str
    """The setting `source`."""
    description: str
    """Of the source, for a person."""
    synthetic: bool
    """Whether this project drew the images."""
    image_size_px: int
    n_candidates: int
    """Files that may be images of a class."""
    n_images: int
    n_by_class: dict[str, int]
    """By the classes' names of `wording.CLASS_NAMES`."""
    known_patient_fraction_by_class: dict[str, float]
    n_rejected: int
    """Candidates that cannot be used."""
    n_rejected_by_reason: dict[str, int] = Field(default_factory=dict)
    n_unmatched: int = 0
    """Files in no class folder."""
    n_ignored_links: int = 0
    n_left_out_by_reason: dict[str, int] = Field(default_factory=dict)
    """Files that are no candidates."""
    n_masks_by_class: dict[str, int] = Field(default_factory=dict)
    """Images with a mask of their lungs; empty in older records."""
    n_unusable_masks_by_reason: dict[str, int] = Field(default_factory=dict)
    """Images that have none, although there are files for one."""
    label_decisions: LabelDecisionFacts | None = None
    """Written only where people's decisions about labels were applied."""
    remedy: RemedyFacts | None = None
    """None where the images are as they came."""


class DatasetRecord(DatasetFacts, StageRecord):
    """A finished image store; configuration and seed are those of the run that came first."""

    FILE: ClassVar[str] = "dataset.json"
    COMMAND: ClassVar[str] = "ingest"

    stage: Literal["dataset"]


@dataclass(frozen=True)
class IndexedImages:
    """Images with what is known about each."""

    # one row an image; texts are empty where they are not known; `mask` is GIVEN or empty
    index: "pd.DataFrame"
    # uint8, shape (n, 224, 224, 3), memory-mapped or not, in the order of `index`
    images: NDArray[np.uint8]
    # bool, shape (n, 224, 224), likewise: True is lung; a row of False for an image without a
    # mask; None where no image has one
    masks: NDArray[np.bool_] | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Dataset(IndexedImages):
    """An ingested data set; its fingerprint stands for its content."""

    fingerprint: str
    record: DatasetRecord

    @property
    def images_digest(self) -> str:
        """The digest of the images, whatever is known about them."""
        return self.record.outputs["images.npy"]


def open_dataset(home: Home, fingerprint: str) -> Dataset:
    """Open a data set, every file of it compared with its digest; images are not held in memory.

    Raises:
        ArtifactError: It is missing or unfinished.
        DamagedError: A file of it is not what was written.
    """
    folder = home.datasets / fingerprint
    record = find_record(folder, DatasetRecord)
    if record is None:
        raise ArtifactError(
            f"The data set {folder} is missing or unfinished.",
            "The stage ingest makes it; a data set counts once its dataset.json is there.",
            "Run it: python -m cxr_tasks ingest --run NAME.",
        )
    check_outputs(folder, record)
    try:
        index = _read_index(folder / "index.csv")
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        masks = _open_masks(folder, record)
    except (OSError, ValueError, EOFError) as err:
        raise _damaged(folder, str(err)) from err
    allowed = (len(index), IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3)
    if images.shape != allowed or images.dtype != np.uint8 or len(index) != record.n_images:
        found = f"{images.shape} {images.dtype}, {len(index)} rows, {record.n_images} recorded"
        raise _damaged(folder, f"images and index do not belong together: {found}")
    if masks is not None and (masks.shape != allowed[:3] or masks.dtype != np.bool_):
        found = f"{masks.shape} {masks.dtype}"
        raise _damaged(folder, f"masks and index do not belong together: {found}")
    return Dataset(index, images, fingerprint, record, masks=masks)


def open_original(home: Home, dataset: Dataset) -> Dataset:
    """Open the data set whose pictures a remedy has changed; return itself where none did.

    Row by row it has the same images: their lungs and their copies are found in it.
    """
    remedy = dataset.record.remedy
    return open_dataset(home, remedy.base) if remedy and remedy.changes_pictures else dataset


def _open_masks(folder: Path, record: DatasetRecord) -> NDArray[np.bool_] | None:
    if MASKS_FILE not in record.outputs:
        return None
    masks: NDArray[np.bool_] = np.load(folder / MASKS_FILE, mmap_mode="r", allow_pickle=False)
    return masks


def _read_index(path: Path) -> "pd.DataFrame":
    import pandas as pd

    # keep_default_na: a file called "NA" is no missing value
    index = pd.read_csv(path, dtype=INDEX_COLUMNS, keep_default_na=False, encoding="utf-8")
    for name in _LATER_COLUMNS:
        if name not in index:
            index[name] = ""  # ingested before it was recorded
    if list(index.columns) != list(INDEX_COLUMNS):
        raise ValueError(f"index.csv has the columns {', '.join(index.columns)}")
    return index


def _damaged(folder: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"The data set {folder} cannot be read: {reason[:300]}.",
        "A finished data set is never changed.",
        "Delete this folder and run the stage ingest again.",
    )
