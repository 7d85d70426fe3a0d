"""Copies and patients: who is where twice."""

from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.audit.finding import finding
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import IntArray, find_copies
from cxr_tasks.errors import first_few

MAX_PAIRS = 20

Facts = dict[str, Any]


def audit_copies(dataset: Dataset, split: pd.DataFrame) -> tuple[Facts, list[Facts]]:
    """Find copies, exact and near, and which of them cross classes or parts of the split.

    Args:
        dataset: The images with their index.
        split: The part of each image, in the data set's order.

    Returns:
        Facts about them, and the findings.
    """
    pairs = find_copies(dataset.index, dataset.images)
    table = pd.DataFrame(
        {
            "first": split["path"].to_numpy()[pairs[:, 0]],
            "second": split["path"].to_numpy()[pairs[:, 1]],
            "kind": [_kind(dataset, first, second) for first, second in pairs],
            "labels": _both(split["label"], pairs),
            "parts": _both(split["part"], pairs),
        }
    )
    across_labels = table[[len(set(labels)) > 1 for labels in table["labels"]]]
    across_split = table[[len(set(parts)) > 1 for parts in table["parts"]]]
    facts = {
        "n_exact": int((table["kind"] != "near").sum()),
        "n_near": int((table["kind"] == "near").sum()),
        "n_across_labels": len(across_labels),
        "n_across_split": len(across_split),
        "pairs": _gravest_first(table, across_labels, across_split),
    }
    findings = []
    if len(across_labels):
        findings.append(
            finding(
                "duplicates_across_labels",
                "error",
                f"{_n_pairs(across_labels)} of copies carry both labels ({_told(across_labels)}): "
                "at least one of each pair is labelled wrongly.",
                value=len(across_labels),
            )
        )
    if len(across_split):
        findings.append(
            finding(
                "duplicates_across_split",
                "warning",
                f"{_n_pairs(across_split)} of copies lie in different parts of the split "
                f"({_told(across_split)}): their scores are of images seen in training.",
                value=len(across_split),
            )
        )
    return facts, findings


def audit_patients(dataset: Dataset, split: pd.DataFrame) -> tuple[Facts, list[Facts]]:
    """Find patients whose images lie in different parts of the split."""
    known = dataset.index["patient"] != ""
    table = pd.DataFrame({"patient": dataset.index["patient"], "part": split["part"]})[known]
    n_parts = table.groupby("patient")["part"].nunique()
    across = list(n_parts.index[n_parts > 1])
    n_images = int(table["patient"].isin(across).sum())
    facts = {
        "n_known": int(n_parts.size),
        "n_across_split": len(across),
        "n_images_across_split": n_images,
        "examples": [str(name) for name in across[:5]],
    }
    if not across:
        return facts, []
    told = first_few([repr(name) for name in across])
    who = "1 patient has" if len(across) == 1 else f"{len(across)} patients have"
    message = (
        f"{who} images in different parts of the split ({n_images} images; {told}): a model can "
        "know them again."
    )
    return facts, [finding("patients_across_split", "warning", message, value=len(across))]


def _kind(dataset: Dataset, first: int, second: int) -> str:
    hashes = dataset.index["sha256"]
    if hashes.iloc[first] == hashes.iloc[second]:
        return "bytes"
    same = np.array_equal(dataset.images[first], dataset.images[second])
    return "pixels" if same else "near"


def _both(column: pd.Series, pairs: IntArray) -> list[list[Any]]:
    both: list[list[Any]] = column.to_numpy()[pairs].tolist()
    return both


def _gravest_first(*tables: pd.DataFrame) -> list[Facts]:
    table, across_labels, across_split = tables
    order = [*across_labels.index, *across_split.index, *table.index]
    places = list(dict.fromkeys(order))[:MAX_PAIRS]
    return [
        {str(key): value for key, value in row.items()}
        for row in table.loc[places].to_dict("records")
    ]


def _n_pairs(table: pd.DataFrame) -> str:
    return "1 pair" if len(table) == 1 else f"{len(table)} pairs"


def _told(table: pd.DataFrame) -> str:
    pairs = zip(table["first"], table["second"], strict=True)
    return first_few([f"{first!r} and {second!r}" for first, second in pairs])
