"""What crosses the split or confounds it by design: copies, patients, sources of one class."""

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit_record import (
    CopiesFacts,
    CopyPair,
    FindingFacts,
    PatientsFacts,
    Severity,
    SourceCounts,
    SourcesFacts,
    finding,
)
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import find_copies
from cxr_tasks.errors import first_few
from cxr_tasks.statistics.figures_record import ByClass

MAX_PAIRS = 20
MAX_SOURCES = 10


def audit_copies(dataset: Dataset, split: pd.DataFrame) -> tuple[CopiesFacts, list[FindingFacts]]:
    """Find copies, exact and near, and which of them cross classes or parts of the split.

    Args:
        dataset: The images with their index.
        split: The part of each image, in the data set's order.
    """
    pairs = find_copies(dataset.index, dataset.images)
    paths, labels, parts = (split[name].to_numpy()[pairs] for name in ("path", "label", "part"))
    table = pd.DataFrame(
        {
            "first": paths[:, 0],
            "second": paths[:, 1],
            "kind": [_kind(dataset, first, second) for first, second in pairs],
            "labels": labels.tolist(),
            "parts": parts.tolist(),
        }
    )
    across_labels = table[labels[:, 0] != labels[:, 1]]
    across_split = table[parts[:, 0] != parts[:, 1]]
    gravest = dict.fromkeys([*across_labels.index, *across_split.index, *table.index])
    shown = table.loc[list(gravest)[:MAX_PAIRS]].to_dict("records")
    facts = CopiesFacts(
        n_exact=int((table["kind"] != "near").sum()),
        n_near=int((table["kind"] == "near").sum()),
        n_across_labels=len(across_labels),
        n_across_split=len(across_split),
        pairs=[CopyPair.model_validate(pair) for pair in shown],
    )
    labelled = ("carry both labels", "at least one of each pair is labelled wrongly")
    divided = ("lie in different parts of the split", "their scores are of images seen in training")
    return facts, [
        *_crossing("duplicates_across_labels", "error", across_labels, *labelled),
        *_crossing("duplicates_across_split", "warning", across_split, *divided),
    ]


def audit_patients(
    dataset: Dataset, split: pd.DataFrame
) -> tuple[PatientsFacts, list[FindingFacts]]:
    """Find patients whose images lie in different parts of the split."""
    known = dataset.index["patient"] != ""
    table = pd.DataFrame({"patient": dataset.index["patient"], "part": split["part"]})[known]
    n_parts = table.groupby("patient")["part"].nunique()
    across = list(n_parts.index[n_parts > 1])
    n_images = int(table["patient"].isin(across).sum())
    facts = PatientsFacts(
        n_known=int(n_parts.size),
        n_across_split=len(across),
        n_images_across_split=n_images,
        examples=[str(name) for name in across[:5]],
    )
    if not across:
        return facts, []
    who = "1 patient has" if len(across) == 1 else f"{len(across)} patients have"
    message = (
        f"{who} images in different parts of the split ({n_images} images; "
        f"{first_few([repr(name) for name in across])}): a model can know them again."
    )
    return facts, [finding("patients_across_split", "warning", message, value=len(across))]


def audit_sources(index: pd.DataFrame) -> tuple[SourcesFacts, list[FindingFacts]]:
    """Find sources that hold one class only: there nothing tells the disease from the source.

    Args:
        index: One row an image, with `source`, empty where it is not known, and `label`.
    """
    known = index[index["source"] != ""]
    counts = (
        known.assign(n_covid=known["label"] == 1, n_normal=known["label"] == 0)
        .groupby("source")[["n_covid", "n_normal"]]
        .sum()
    )
    one_class = counts[(counts == 0).any(axis=1)]
    n_images = int(one_class.to_numpy().sum())
    covid, normal = (index.loc[index["label"] == label, "source"] != "" for label in (1, 0))
    facts = SourcesFacts(
        known_fraction=ByClass[float](
            covid=float(covid.mean()) if len(covid) else 0.0,
            normal=float(normal.mean()) if len(normal) else 0.0,
        ),
        n_sources=len(counts),
        n_one_class=len(one_class),
        n_images_in_one_class_sources=n_images,
        examples=[
            SourceCounts(source=str(source), n_covid=int(n_covid), n_normal=int(n_normal))
            for source, n_covid, n_normal in counts.head(MAX_SOURCES).itertuples()
        ],
    )
    if not len(one_class):
        return facts, []
    every = " every" if len(one_class) == len(counts) else ""
    message = (
        f"Confounded by design: {len(one_class)} of {len(counts)} sources give images of one "
        f"class only ({n_images} of {len(index)} images). In{every} such a source nothing tells "
        "the disease from the source."
    )
    return facts, [finding("one_class_sources", "warning", message, value=n_images / len(index))]


def _kind(dataset: Dataset, first: int, second: int) -> str:
    hashes = dataset.index["sha256"]
    if hashes.iloc[first] == hashes.iloc[second]:
        return "bytes"
    same = np.array_equal(dataset.images[first], dataset.images[second])
    return "pixels" if same else "near"


def _crossing(
    check: str, severity: Severity, pairs: pd.DataFrame, what: str, so: str
) -> list[FindingFacts]:
    if pairs.empty:
        return []
    both = zip(pairs["first"], pairs["second"], strict=True)
    named = first_few([f"{first!r} and {second!r}" for first, second in both])
    counted = "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    return [
        finding(check, severity, f"{counted} of copies {what} ({named}): {so}.", value=len(pairs))
    ]
