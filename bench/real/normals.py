"""Real normal radiographs from zip files, each once."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_tasks.errors import SourceError

_NORMAL = re.compile(r"(^|/)normal(/|$)", re.IGNORECASE)
_IMAGES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Normal:
    """One normal radiograph."""

    name: str  # of its file, without folder and ending; one image has one name in every archive
    patient: str  # what stands before the first underscore of the name, as in NIH ChestX-ray14
    view: str  # PA, AP; empty where no table says it
    grey: NDArray[np.uint8]  # shape (h, w)


def read_normals(archives: Sequence[Path]) -> list[Normal]:
    """Read the images in folders named NORMAL, sorted by name; of one name the first archive's.

    A table beside an archive, of its name with `.csv`, may give the column `view` for its `path`.

    Raises:
        SourceError: An archive is missing, or there is no such image in any.
    """
    found: dict[str, Normal] = {}
    for archive in archives:
        if not zipfile.is_zipfile(archive):
            raise SourceError(
                f"{archive} is no zip file.",
                "Normal radiographs are read from zip files with a folder NORMAL.",
                "Name such files: REAL='a.zip b.zip'.",
            )
        views = _views(archive.with_suffix(".csv"))
        with zipfile.ZipFile(archive) as opened:
            for path in sorted(opened.namelist()):
                place = PurePosixPath(path)
                is_image = place.suffix.lower() in _IMAGES
                if is_image and _NORMAL.search(str(place.parent)) and place.stem not in found:
                    grey = np.asarray(Image.open(io.BytesIO(opened.read(path))).convert("L"))
                    patient = place.stem.partition("_")[0]
                    view = views.get(place.stem, "")
                    found[place.stem] = Normal(place.stem, patient, view, grey)
    if not found:
        raise SourceError(
            f"No image in a folder NORMAL of {', '.join(map(str, archives))}.",
            "Sets are drawn from normal radiographs.",
            "Name zip files with such a folder.",
        )
    return [found[name] for name in sorted(found)]


def _views(table: Path) -> dict[str, str]:
    if not table.exists():
        return {}
    with table.open(encoding="utf-8", newline="") as stream:
        return {PurePosixPath(row["path"]).stem: row["view"] for row in csv.DictReader(stream)}
