"""Drawn images as a data set on the volume, where their lungs are, and how they are split."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxr_tasks.data.dataset import Dataset, DatasetRecord, open_dataset
from cxr_tasks.data.relabelling import count_decisions, write_decided
from cxr_tasks.data.split import count_parts, make_folds, write_folds
from cxr_tasks.data.split_record import FoldRounds, SplitFacts, SplitRecord
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.volume.paths import Home, RunPaths
from tests.drawing import FINGERPRINT, Drawing, record_drawn


def draw_dataset(home: Home, drawing: Drawing, fingerprint: str, *, first: int) -> Dataset:
    folder = home.datasets / fingerprint
    if folder.exists():  # of another run in the same home
        return open_dataset(home, fingerprint)
    folder.mkdir(parents=True)
    n = drawing.n_images
    labels = [i % 2 for i in range(n)]
    paths = [_path(i, label) for i, label in enumerate(labels)]
    paths[: len(drawing.names)] = drawing.names
    labels = [int(path.startswith("COVID")) for path in paths]
    images = (
        drawing.images
        if drawing.images is not None
        else _draw_images(labels, first=first, spot=drawing.spot)
    )
    np.save(folder / "images.npy", images)
    pd.DataFrame(
        {
            "path": paths,
            "label": labels,
            "patient": [
                f"p{(first + i) // 4}" if label == 0 else "" for i, label in enumerate(labels)
            ],
            "source": ["" for _ in labels],
            "width": [256 + 8 * (i % 5) for i in range(n)],
            "height": [256] * n,
            "mode": ["L" if i % 3 else "RGB" for i in range(n)],
            "format": ["PNG" if i // 2 % 4 else "JPEG" for i in range(n)],
            "bytes": [40_000 + 7919 * (first + i) % 4001 for i in range(n)],
            "jpeg_tables": ["" if i // 2 % 4 else "0f1e2d3c" for i in range(n)],
            "jpeg_quantization": [0.0 if i // 2 % 4 else 12.5 for i in range(n)],
            "sha256": [f"{first + i:064x}" for i in range(n)],
            "phash": [_draw_hash(first + i) for i in range(n)],
        }
    ).to_csv(folder / "index.csv", index=False, lineterminator="\n")
    rejected = [
        [f"COVID/COVID/bad <{i}>.png", 1, "not an image"] for i in range(drawing.n_rejected)
    ]
    pd.DataFrame(rejected, columns=["path", "label", "reason"]).to_csv(
        folder / "rejected.csv", index=False, lineterminator="\n"
    )
    counts = {"covid": labels.count(1), "normal": labels.count(0)}
    facts: dict[str, Any] = {
        "image_size_px": 224,
        "n_candidates": n + drawing.n_rejected,
        "n_images": n,
        "n_by_class": counts,
        "known_patient_fraction_by_class": {"covid": 0.0, "normal": 1.0},
        "n_rejected": drawing.n_rejected,
        "n_unusable_masks_by_reason": dict(drawing.unusable_masks),
        "source": "phantom" if drawing.synthetic else "folder",
        "description": "drawn images" if drawing.synthetic else "a folder of <images>",
        "synthetic": drawing.synthetic,
    }
    if drawing.decided:
        write_decided(drawing.decided, folder)
        facts["label_decisions"] = count_decisions(drawing.decided, dataset_before=FINGERPRINT)
    record_drawn(folder, DatasetRecord, facts)
    return open_dataset(home, fingerprint)


def _draw_hash(number: int) -> str:
    """Draw a perceptual hash that is near no other."""
    return f"{int(np.random.default_rng(number).integers(2**63)):016x}"


def _path(i: int, label: int) -> str:
    return f"{'COVID/COVID' if label else 'NORMAL/NORMAL'}/image-{i:03d}.png"


def _draw_images(labels: list[int], *, first: int, spot: float) -> npt.NDArray[np.uint8]:
    """Draw two dark ovals on grey, a lighter spot in a corner for the positive class."""
    rows, columns = _places()
    lungs, images = _ovals(), []
    for i, label in enumerate(labels):
        rng = np.random.default_rng(first + i)
        grey = 150 - 90 * lungs + rng.normal(0, 6, (224, 224))
        corner = ((columns - 0.43) / 0.06) ** 2 + ((rows + 0.43) / 0.06) ** 2 < 1
        images.append(np.clip(grey + spot * label * corner, 0, 255).astype(np.uint8))
    return np.repeat(np.stack(images)[..., None], 3, axis=-1)


def drawn_lungs(n_images: int) -> Lungs:
    """Return the ovals of the drawn images, as if they had come with the data."""
    packed = np.tile(np.packbits(_ovals(), axis=1), (n_images, 1, 1))
    return Lungs(packed, np.ones(n_images, np.bool_), np.ones(n_images), key="drawn")


def _ovals() -> npt.NDArray[np.bool_]:
    rows, columns = _places()
    ovals = [((columns - x) / 0.14) ** 2 + (rows / 0.32) ** 2 < 1 for x in (-0.2, 0.2)]
    both: npt.NDArray[np.bool_] = ovals[0] | ovals[1]
    return both


def _places() -> npt.NDArray[np.float64]:
    return np.mgrid[0:224, 0:224] / 224 - 0.5


def draw_split(run: RunPaths, dataset: Dataset, drawing: Drawing) -> pd.DataFrame:
    kind = drawing.split
    fifths = [(i // 4) % 5 for i in range(len(dataset.index))]
    with_test = kind == "grouped" and not drawing.n_folds
    names = {0: "test" if with_test else "val", 1: "val"}
    table = pd.DataFrame(
        {
            "path": dataset.index["path"],
            "label": dataset.index["label"],
            "group": [i // 4 * 2 + i % 2 for i in range(len(fifths))],
            "part": [names.get(fifth, "train") for fifth in fifths],
        }
    )
    run.split.mkdir(parents=True)
    table.to_csv(run.split / "split.csv", index=False, lineterminator="\n")
    facts = SplitFacts(
        kind=kind,
        parts=count_parts(table),
        n_groups=int(table["group"].nunique()),
        n_duplicate_images=3,
        n_groups_across_parts=0 if kind == "grouped" else 1,
        n_images_in_groups_across_parts=0 if kind == "grouped" else 2,
        folds=_draw_folds(run, table, drawing.n_folds) if drawing.n_folds else None,
    )
    record_drawn(run.split, SplitRecord, facts)
    return table


def _draw_folds(run: RunPaths, table: pd.DataFrame, n_folds: int) -> FoldRounds:
    labels, groups = table["label"].to_numpy(), table["group"].to_numpy()
    parts = make_folds(labels, groups, n_folds=n_folds, n_repeats=1, seed=1)
    rounds = write_folds(table, parts, built=run.split)
    return FoldRounds(n_folds=n_folds, n_repeats=1, rounds=rounds)
