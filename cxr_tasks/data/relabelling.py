"""People's decisions about labels, applied to what a source holds and kept with the data set."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxr_tasks.data.label_decisions import (
    COLUMNS,
    LabelDecision,
    last_decisions,
    read_label_decisions,
)
from cxr_tasks.data.label_decisions_record import LabelDecisionFacts
from cxr_tasks.data.sources.candidates import Listing
from cxr_tasks.data.sources.left_out import DECIDED
from cxr_tasks.errors import DataError, first_few
from cxr_tasks.volume.files import open_table
from cxr_tasks.volume.progress import Report

FILE = "label_decisions.csv"
"""In a data set's folder, where there were decisions: those that were applied."""

_SOURCE_LABEL = "source_label"


@dataclass(frozen=True)
class Decided:
    """An image's last decision, and the label that the source gives the image."""

    decision: LabelDecision
    source_label: int


def relabelled(
    listing: Listing, path: Path, *, report: Report
) -> tuple[Listing, tuple[Decided, ...]]:
    """Change labels and leave out images as the file decides; what is left out is counted.

    Raises:
        SourceError: The file is missing or is no such table.
        DataError: A line cannot be used, names no image of the source, or contradicts another.
    """
    last = last_decisions(read_label_decisions(path), path=path)
    labels = {item.path: item.label for item in listing.candidates}
    unknown = [repr(name) for name in last if name not in labels]
    if unknown:
        raise DataError(
            f"{path} decides about images that the source does not hold: {first_few(unknown)}.",
            f"A path is one of the data set's, such as {listing.candidates[0].path!r}.",
            "Correct these lines, or leave them out.",
        )
    decided = tuple(Decided(each, labels[name]) for name, each in last.items())
    candidates = tuple(
        replace(item, label=1 - item.label) if _is(last, item.path, "flip") else item
        for item in listing.candidates
        if not _is(last, item.path, "exclude")
    )
    left_out = dict(listing.n_left_out_by_reason)
    if n_excluded := len(listing.candidates) - len(candidates):
        left_out[DECIDED] = n_excluded
    if decided:
        report(count_decisions(decided, dataset_before="").in_words(path.name))
    return replace(listing, candidates=candidates, n_left_out_by_reason=left_out), decided


def count_decisions(decided: Sequence[Decided], *, dataset_before: str) -> LabelDecisionFacts:
    """Count decisions by kind; `dataset_before` is the fingerprint without them."""
    n = Counter(each.decision.decision for each in decided)
    return LabelDecisionFacts(
        n_changed=n["flip"],
        n_left_out=n["exclude"],
        n_kept=n["keep"],
        by=sorted({each.decision.by for each in decided}),
        dataset_before=dataset_before,
    )


def write_decided(decided: Sequence[Decided], folder: Path) -> None:
    """Write `label_decisions.csv` into a data set's folder."""
    with open_table(folder / FILE, [*COLUMNS, _SOURCE_LABEL]) as table:
        for each in decided:
            table.writerow({**each.decision._asdict(), _SOURCE_LABEL: each.source_label})


def read_decided(folder: Path) -> dict[str, Decided]:
    """Read the decisions that were applied to a data set, by image; empty where there were none."""
    return {
        row["path"]: Decided(
            LabelDecision(*(row[name] for name in COLUMNS)), int(row[_SOURCE_LABEL])
        )
        for row in _rows(folder / FILE)
    }


def source_labels(folder: Path) -> dict[str, int]:
    """Read which label the source gives each image, those too that a decision has left out."""
    labels = {row["path"]: int(row["label"]) for row in _rows(folder / "index.csv")}
    return labels | {name: each.source_label for name, each in read_decided(folder).items()}


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _is(last: dict[str, LabelDecision], name: str, decision: str) -> bool:
    return name in last and last[name].decision == decision
