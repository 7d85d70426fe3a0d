"""The masks of a data set as they are stored, and how many images of each class have one."""

from collections import Counter
from pathlib import Path
from typing import Self

import numpy as np

from cxr_tasks.data.dataset import MASKS_FILE, DatasetFacts
from cxr_tasks.data.decoding import Accepted
from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.progress import Report, warning

MAX_SHARE_DIFFERENCE = 0.2
"""Between the classes, in the fraction of images that have a mask."""

_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)


class MaskWriter:
    """Writes the masks of images one by one; no file is left where no image has one."""

    def __init__(self, folder: Path, *, expected: bool) -> None:
        self.n_by_label = Counter[int]()
        self.n_by_fault = Counter[str]()
        self._path = folder / MASKS_FILE
        self._file = ArrayFile(self._path, row_shape=_SHAPE, dtype=np.bool_) if expected else None

    def append(self, outcome: Accepted) -> None:
        """Write the next image's mask, or a row of False where it has none."""
        if outcome.mask_fault:
            self.n_by_fault[outcome.mask_fault] += 1
        self.n_by_label[outcome.candidate.label] += outcome.mask is not None
        if self._file:
            self._file.append(np.zeros(_SHAPE, np.bool_) if outcome.mask is None else outcome.mask)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._file:
            self._file.__exit__(kind, error, trace)
            if not self.n_by_label.total():
                self._path.unlink()


def report_masks(facts: DatasetFacts, report: Report) -> None:
    """Report how many images have a mask; warn of masks that cannot be used and uneven classes."""
    n_masks = facts.n_masks_by_class
    if n_unusable := sum(facts.n_unusable_masks_by_reason.values()):
        reasons = ", ".join(f"{n} {why}" for why, n in facts.n_unusable_masks_by_reason.items())
        report(warning(f"lung masks: {n_unusable} images count as without one ({reasons})"))
    if not any(n_masks.values()):
        return
    counts = [f"{n_masks[name]} of {n} {name}" for name, n in facts.n_by_class.items()]
    text = f"lung masks: {' and '.join(counts)} images have one"
    shares = [n_masks[name] / n for name, n in facts.n_by_class.items() if n]
    uneven = max(shares) - min(shares) > MAX_SHARE_DIFFERENCE
    report(warning(f"{text}; too uneven to compare the classes by them") if uneven else text)
