"""New images through the champion's model, block by block, and which of them it has seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.champion.scoring.score_table import NEGATIVE, POSITIVE, RefusedFile, Row, ScoredImage
from cxr_tasks.champion.versions import Champion
from cxr_tasks.data.dataset import Dataset, IndexedImages
from cxr_tasks.data.decoding import Accepted, Rejected
from cxr_tasks.data.duplicates import find_copies_across, join_datasets
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.statistics.scores import FloatArray
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import BATCH_SIZE, load_model, predict_scores

N_BLOCK_IMAGES = 8 * BATCH_SIZE
"""As many are held in memory at once."""

KINDS = {
    "train": "in training data",
    "val": "in validation data",
    "oof": "tested out of fold",
    "test": "in test data",
}
"""What an image was to the champion, by its part there; the gravest first."""

NEW = ("", "")


class Predictor:
    """Scores images block by block; the model is loaded when the first usable image is there.

    Args:
        champion: Whose model, temperature and cut-off count.
        dataset: Its own data, in which new images are looked up.
    """

    def __init__(self, champion: Champion, dataset: Dataset) -> None:
        self._champion = champion
        self._known = KnownImages(dataset, champion.predictions())
        self._model: Any = None

    def rows(self, decoded: Sequence[Accepted | Rejected]) -> list[Row]:
        """Score a block of images; each has one row, in order."""
        scored = iter(self._scored([each for each in decoded if isinstance(each, Accepted)]))
        return [
            next(scored)
            if isinstance(each, Accepted)
            else RefusedFile(each.candidate.path, each.reason)
            for each in decoded
        ]

    def _scored(self, images: Sequence[Accepted]) -> list[ScoredImage]:
        if not images:
            return []
        record = self._champion.record
        scores = self._scores(np.stack([each.image.pixels for each in images]))
        probabilities = apply_temperature(scores, record.temperature)
        return [
            ScoredImage(
                path=each.candidate.path,
                score=float(score),
                probability=float(probability),
                decision=POSITIVE if score >= record.cutoff else NEGATIVE,
                known=known,
                copy_of=copy_of,
                sha256=each.sha256,
                pixels=each.image.pixels,
            )
            for each, score, probability, (known, copy_of) in zip(
                images, scores, probabilities, self._known.find(images), strict=True
            )
        ]

    def _scores(self, pixels: Any) -> FloatArray:
        """Score images in full batches, so that how many there are changes no number."""
        if self._model is None:
            start_keras(threads=self._champion.record.threads, seed=0)
            self._model = load_model(self._champion.model_file)
        n = len(pixels)
        filled = np.resize(np.arange(n), -(-n // BATCH_SIZE) * BATCH_SIZE)
        return predict_scores(self._model, pixels, filled)[:n]


class KnownImages:
    """The champion's own data set, to look images up in.

    Args:
        dataset: The images that the champion was trained and measured on.
        predictions: Its `predictions.csv`, a row for each of them.
    """

    def __init__(self, dataset: Dataset, predictions: pd.DataFrame) -> None:
        self._dataset = dataset
        self._parts = predictions["part"].tolist()

    def find(self, images: Sequence[Accepted]) -> list[tuple[str, str]]:
        """Return of each image what it was to the champion, and as which file; or `NEW`."""
        found = [NEW] * len(images)
        if not images:
            return found
        columns = {
            "patient": "",
            "sha256": [each.sha256 for each in images],
            "phash": [each.image.phash for each in images],
        }
        pixels = np.stack([each.image.pixels for each in images])
        both = join_datasets(self._dataset, IndexedImages(pd.DataFrame(columns), pixels))
        pairs = find_copies_across(both.index, both.images, n_first=both.n_first)
        # the gravest is written last
        for known, new in sorted(pairs.tolist(), key=lambda pair: -self._gravity(pair[0])):
            name = str(self._dataset.index["path"].iloc[known])
            found[new - both.n_first] = (KINDS[self._parts[known]], name)
        return found

    def _gravity(self, row: int) -> int:
        return list(KINDS).index(self._parts[row])
