"""Blocks of decoded images judged by the champion."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr_tasks.champion.scoring.known import KnownImages
from cxr_tasks.champion.scoring.row import NEGATIVE, POSITIVE, Refused, Scored
from cxr_tasks.champion.store import Champion
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.decoding import Accepted, Rejected
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.statistics.scores import FloatArray
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.models import load_model
from cxr_tasks.training.predict import BATCH_SIZE, predict_scores

N_BLOCK_IMAGES = 8 * BATCH_SIZE
"""As many are held in memory at once."""


class Judge:
    """Scores images block by block; the model is loaded when the first usable image is there.

    Args:
        champion: Whose model, temperature and cut-off count.
        dataset: Its own data, in which new images are looked up.
    """

    def __init__(self, champion: Champion, dataset: Dataset) -> None:
        self._champion = champion
        self._known = KnownImages(dataset, champion.predictions())
        self._model: Any = None

    def rows(self, outcomes: Sequence[Accepted | Rejected]) -> list[Scored | Refused]:
        """Judge a block of images; each gives one row, in order."""
        scored = iter(self._scored([each for each in outcomes if isinstance(each, Accepted)]))
        return [
            next(scored)
            if isinstance(each, Accepted)
            else Refused(each.candidate.path, each.reason)
            for each in outcomes
        ]

    def _scored(self, images: Sequence[Accepted]) -> list[Scored]:
        if not images:
            return []
        record = self._champion.record
        scores = self._scores(np.stack([each.image.pixels for each in images]))
        probabilities = apply_temperature(scores, record["temperature"])
        return [
            Scored(
                path=each.candidate.path,
                score=float(score),
                probability=float(probability),
                decision=POSITIVE if score >= record["cutoff"] else NEGATIVE,
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
            start_keras(threads=self._champion.record["threads"], seed=0)
            self._model = load_model(self._champion.model_file)
        n = len(pixels)
        filled = np.resize(np.arange(n), -(-n // BATCH_SIZE) * BATCH_SIZE)
        return predict_scores(self._model, pixels, filled)[:n]
