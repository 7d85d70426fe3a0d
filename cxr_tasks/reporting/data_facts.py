"""What a data set consists of, as the report tells it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxr_tasks.data.dataset import Dataset


def data_facts(dataset: Dataset, n_left_out_by_reason: Mapping[str, int]) -> dict[str, Any]:
    """Describe the images of a run: how many, of whom, in which sizes and formats."""
    record, index = dataset.record, dataset.index
    return {
        "fingerprint": dataset.fingerprint,
        "description": record["description"],
        "synthetic": record["synthetic"],
        "n_images": record["n_images"],
        "n_rejected": record["n_rejected"],
        "n_left_out": sum(n_left_out_by_reason.values()),
        "n_left_out_by_reason": dict(n_left_out_by_reason),
        "classes": {
            name: _class_facts(index[index["label"] == label])
            for name, label in (("covid", 1), ("normal", 0))
        },
    }


def _class_facts(rows: pd.DataFrame) -> dict[str, Any]:
    patients = rows.loc[rows["patient"] != "", "patient"]
    return {
        "n_images": len(rows),
        "n_with_patient": len(patients),
        "known_patient_fraction": len(patients) / len(rows),
        "n_patients": int(patients.nunique()),
        "formats": _tally(rows["format"]),
        "modes": _tally(rows["mode"]),
        "width_px": _range(rows["width"]),
        "height_px": _range(rows["height"]),
        "file_bytes": _range(rows["bytes"]),
    }


def _tally(column: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in column.value_counts().sort_index().items()}


def _range(column: pd.Series) -> dict[str, int]:
    return {"least": int(column.min()), "median": int(column.median()), "most": int(column.max())}
