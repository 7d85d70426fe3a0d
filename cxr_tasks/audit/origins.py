"""Where images are from: a source that gives one class only cannot be told from the disease."""

from typing import Any

import pandas as pd

from cxr_tasks.audit.finding import finding

MAX_EXAMPLES = 10

Facts = dict[str, Any]


def audit_origins(index: pd.DataFrame) -> tuple[Facts, list[Facts]]:
    """Find sources that hold one class only.

    Args:
        index: One row an image, with `source`, empty where it is not known, and `label`.

    Returns:
        Facts about sources, and the findings.
    """
    known = index[index["source"] != ""]
    counts = (
        known.assign(n_covid=known["label"] == 1, n_normal=known["label"] == 0)
        .groupby("source")[["n_covid", "n_normal"]]
        .sum()
    )
    one_class = counts[(counts == 0).any(axis=1)]
    n_images = int(one_class.to_numpy().sum())
    facts = {
        "known_fraction": {
            name: float((rows["source"] != "").mean()) if len(rows) else 0.0
            for name, label in (("covid", 1), ("normal", 0))
            for rows in [index[index["label"] == label]]
        },
        "n_sources": len(counts),
        "n_one_class": len(one_class),
        "n_images_in_one_class_sources": n_images,
        "examples": [
            {
                "source": str(source),
                "n_covid": int(row["n_covid"]),
                "n_normal": int(row["n_normal"]),
            }
            for source, row in counts.head(MAX_EXAMPLES).iterrows()
        ],
    }
    if not len(one_class):
        return facts, []
    every = " every" if len(one_class) == len(counts) else ""
    message = (
        f"Confounded by design: {len(one_class)} of {len(counts)} sources give images of one "
        f"class only ({n_images} of {len(index)} images). In{every} such a source nothing tells "
        "the disease from the source."
    )
    return facts, [finding("one_class_sources", "warning", message, value=n_images / len(index))]
