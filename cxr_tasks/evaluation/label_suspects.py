"""Labels of a run's images that may be wrong: by the models' opinion, by copies, by patients.

A suspect is a question, no finding: the models may be wrong, or look at something else.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.duplicates import find_copies
from cxr_tasks.data.relabelling import Decided
from cxr_tasks.evaluation.label_suspects_record import LabelSuspectFacts
from cxr_tasks.evaluation.predictions import Predictions
from cxr_tasks.statistics.confident_learning import LabelRanking, rank_labels
from cxr_tasks.statistics.figures_record import Basis, ByClass, ChanceTest
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray
from cxr_tasks.volume.files import write_json, write_table

TABLE, FACTS = "label_suspects.csv", "label_suspects.json"
_TEXTS = ("path", "copy", "decision", "by", "when")


def find_label_suspects(
    dataset: Dataset,
    split: pd.DataFrame,
    predictions: Mapping[str, Predictions],
    *,
    chances: Mapping[str, ChanceTest],
    basis: Basis,
    decided: Mapping[str, Decided],
    built: Path,
) -> LabelSuspectFacts:
    """Write `label_suspects.csv` and `.json` into `built`.

    Args:
        dataset: The images with their index.
        split: The group of each image, in the data set's order.
        predictions: Of every variant.
        chances: Which of them are better than chance: of others no opinion is worth a look.
        basis: What the predictions are of.
        decided: What people decided about images of the data set, by path.
        built: The folder.
    """
    labels = dataset.index["label"].to_numpy(np.int64)
    predictions = {name: each for name, each in predictions.items() if chances[name].above_chance}
    rows, probabilities = _mean_probabilities(predictions, n=len(labels))
    ranking = rank_labels(labels[rows], probabilities[rows]) if len(rows) else None
    table = _lay_out(dataset, split, probabilities, decided)
    table = _with_suspects(_with_ranking(table, ranking, rows))
    write_table(table, built / TABLE)
    undecided = table[table["decision"] == ""]
    facts = LabelSuspectFacts(
        basis=basis,
        n_images=len(table),
        n_ranked=len(rows),
        variants=list(predictions),
        calibrated=any(each.scored.calibrated is not None for each in predictions.values()),
        thresholds=ByClass[float](normal=ranking.thresholds[0], covid=ranking.thresholds[1])
        if ranking
        else None,
        n_suspects=int(table["suspect"].sum()),
        n_by_model=int(undecided["by_model"].sum()),
        n_by_copies=int((undecided["copy"] != "").sum()),
        n_of_patients=int(undecided.loc[undecided["suspect"] == 0, "by_patient"].sum()),
        n_decided=len(table) - len(undecided),
    )
    write_json(built / FACTS, facts.content())
    return facts


def read_label_suspects(folder: Path) -> pd.DataFrame:
    """Read `label_suspects.csv`: a row for each image, in the order of the data set.

    `probability`, `margin` and `rank` are NaN where an image was not ranked; `copy` is the path of
    a copy with the other label; `decision`, `by` and `when` are empty where nobody decided.
    """
    texts = dict.fromkeys(_TEXTS, str)
    missing: dict[str, list[str]] = {name: [""] for name in ("probability", "margin", "rank")}
    table: pd.DataFrame = pd.read_csv(
        folder / TABLE, dtype=texts, keep_default_na=False, na_values=missing
    )
    return table


def _mean_probabilities(
    predictions: Mapping[str, Predictions], *, n: int
) -> tuple[IntArray, FloatArray]:
    """Average over variants; return the scored rows, and a value for each image, NaN elsewhere."""
    values = np.full(n, np.nan)
    rows = np.empty(0, np.int64)
    if predictions:
        scored = [each.scored for each in predictions.values()]
        rows = next(iter(predictions.values())).rows
        known = [each.scores if each.calibrated is None else each.calibrated for each in scored]
        values[rows] = np.mean(known, axis=0)
    return rows, values


def _lay_out(
    dataset: Dataset, split: pd.DataFrame, probabilities: FloatArray, decided: Mapping[str, Decided]
) -> pd.DataFrame:
    index, groups = dataset.index, split["group"].to_numpy(np.int64)
    said = [decided[path].decision if path in decided else None for path in index["path"]]
    return index[["path", "label"]].assign(
        probability=probabilities,
        copy=_copies_with_other_label(dataset, groups),
        by_patient=_of_patients_with_both(index).astype(int),
        decision=[each.decision if each else "" for each in said],
        by=[each.by if each else "" for each in said],
        when=[each.when if each else "" for each in said],
    )


def _with_ranking(
    table: pd.DataFrame, ranking: LabelRanking | None, rows: IntArray
) -> pd.DataFrame:
    """Add the columns of the ranking, empty where an image was not ranked."""
    margins, by_model = np.full(len(table), np.nan), np.zeros(len(table), np.int64)
    ranks = pd.array([pd.NA] * len(table), dtype="Int64")
    if ranking:
        margins[rows], by_model[rows] = ranking.margins, ranking.are_suspect
        ranks[rows] = ranking.ranks
    return table.assign(margin=margins, rank=ranks, by_model=by_model)


def _with_suspects(table: pd.DataFrame) -> pd.DataFrame:
    """Flag what looks wrong and nobody has decided about."""
    looks_wrong = (table["by_model"] == 1) | (table["copy"] != "")
    return table.assign(suspect=(looks_wrong & (table["decision"] == "")).astype(int))


def _copies_with_other_label(dataset: Dataset, groups: IntArray) -> list[str]:
    """Return for each image a copy of it that has the other label; empty where there is none."""
    index = dataset.index
    labels, paths = index["label"].to_numpy(np.int64), index["path"].tolist()
    found = [""] * len(index)
    # copies are of one group: where every group has one label nothing is compared again
    mixed = index.groupby(groups)["label"].transform("nunique").to_numpy() > 1
    rows = np.flatnonzero(mixed)
    if not len(rows):
        return found
    images = np.asarray(dataset.images[rows])
    for one, other in rows[find_copies(index.iloc[rows], images)]:
        if labels[one] != labels[other]:
            found[one], found[other] = found[one] or paths[other], found[other] or paths[one]
    return found


def _of_patients_with_both(index: pd.DataFrame) -> BoolArray:
    """Return which images are of a known patient who has images of both labels."""
    n_labels = index.groupby("patient")["label"].transform("nunique")
    return ((index["patient"] != "") & (n_labels > 1)).to_numpy()
