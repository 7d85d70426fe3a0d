"""One variant explained: how much of its attention lies outside the lungs, and maps to look at."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_tasks.evaluation.explanation_record import ExplainedImage, ExplanationFacts, OutsideShare
from cxr_tasks.evaluation.grad_cam import SIDE_PX, GradCam, can_explain, enlarge
from cxr_tasks.evaluation.sanity_check import check_sanity, passes
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.statistics.resampling import (
    group_resamples,
    mean_of,
    number,
    percentile_interval,
    resampled,
)
from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray, ScoredImages, predict
from cxr_tasks.training.model_file import load_model
from cxr_tasks.volume.files import write_json

MAX_IMAGES = 256
MAX_CHECKED = 32
N_RIGHT_OF_CLASS = 4
MAX_WRONG = 48


def explain_variant(
    model_file: Path,
    images: NDArray[np.uint8],
    rows: IntArray,
    scored: ScoredImages,
    *,
    wrong: BoolArray,
    region_of: Callable[[int], BoolArray],
    part: str,
    seed: int,
    built: Path,
    load: Callable[[Path], Any] = load_model,
) -> ExplanationFacts | None:
    """Explain a saved model on images that did not train it; write `explanation.npz` and `.json`.

    A map shows evidence for the class that the model predicts. `start_keras` comes first.

    Args:
        model_file: A model that training has saved.
        images: uint8, shape (n_stored, 224, 224, 3).
        rows: Shape (n,), n > 0; which of them. For the figures `MAX_IMAGES` are taken evenly.
        scored: These rows, with the saved model's own scores.
        wrong: Shape (n,); which of them the run's figures count as wrong. Out of fold another
            model was wrong there, and this one may be right.
        region_of: Return where the lungs are, with a margin, by an image's row; shape (224, 224).
        part: What the images are to the model: `test` or `val`.
        seed: Decides resamples and random weights.
        built: The variant's folder to write into.
        load: Loads the model, which is left as it was.

    Returns:
        What the report shows; None where the backend gives no gradients.

    Raises:
        ArtifactError: The file is no model.
    """
    if not can_explain():
        return None
    model = load(model_file)
    cam = GradCam.of(model)
    labels, scores, groups = scored.labels, scored.scores, scored.groups
    signs = np.where(predict(scores) == 1, 1.0, -1.0)
    taken, shown = _evenly(len(rows), MAX_IMAGES), _choose_examples(scored, wrong)
    places = np.union1d(taken, shown)
    maps = cam.maps(_ChosenImages(images, rows[places]), signs[places])
    _write_maps(maps[np.searchsorted(places, shown)], built / "explanation.npz")
    shares = np.full(len(rows), np.nan)
    shares[places] = outside_fractions(maps, (region_of(int(row)) for row in rows[places]))
    checked = _evenly(len(rows), MAX_CHECKED)
    steps = check_sanity(
        model, cam, images=np.asarray(images[rows[checked]]), signs=signs[checked], seed=seed
    )
    covid, normal = (taken[labels[taken] == label] for label in (1, 0))
    facts = ExplanationFacts(
        layer=cam.layer,
        part=part,
        n_images=len(taken),
        n_without_evidence=int(np.isnan(shares[taken]).sum()),
        outside_area_fraction=float(
            np.mean([(~region_of(int(row))).mean() for row in rows[taken]])
        ),
        outside_fraction=ByClass[OutsideShare](
            covid=mean_outside(shares[covid], groups[covid], seed=seed),
            normal=mean_outside(shares[normal], groups[normal], seed=seed),
        ),
        sanity=steps,
        sanity_passes=passes(steps),
        examples=[
            ExplainedImage(
                row=int(rows[at]),
                label=1 if labels[at] == 1 else 0,
                score=float(scores[at]),
                right=bool(scored.are_right[at]),
                outside_fraction=number(shares[at]),
            )
            for at in shown
        ],
    )
    write_json(built / "explanation.json", facts.content())
    return facts


def outside_fractions(maps: FloatArray, regions: Iterable[BoolArray]) -> FloatArray:
    """Return the share of each map's mass outside the lungs.

    Args:
        maps: Shape (n, height, width), not negative.
        regions: Where the lungs are in each image, shape (224, 224) each.

    Returns:
        Shape (n,), in [0, 1]; NaN where a map is empty.
    """
    shares = np.full(len(maps), np.nan)
    for place, (each, region) in enumerate(zip(maps, regions, strict=True)):
        large = enlarge(each / each.max()) if each.max() > 0 else np.zeros((SIDE_PX, SIDE_PX))
        if large.sum() > 0:
            shares[place] = large[~region].sum() / large.sum()
    return shares


def mean_outside(shares: FloatArray, groups: IntArray, *, seed: int) -> OutsideShare:
    """Return the mean share with its 95 % interval, bootstrapped over groups.

    Args:
        shares: Shape (n,); NaN is left out.
        groups: Shape (n,); images of one patient or copies share a number.
        seed: Decides the resamples.
    """
    known = np.isfinite(shares)
    if not known.any():
        return OutsideShare(mean=None, interval=None)
    resamples = group_resamples(np.zeros(int(known.sum()), np.int64), groups[known], seed=seed)
    drawn = resampled(resamples, mean_of(shares[known]))
    return OutsideShare(mean=float(shares[known].mean()), interval=percentile_interval(drawn))


class _ChosenImages:
    """Some rows of an image store, read batch by batch."""

    def __init__(self, images: NDArray[np.uint8], rows: IntArray) -> None:
        self._images = images
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, places: slice) -> NDArray[np.uint8]:
        return np.asarray(self._images[self._rows[places]])


def _evenly(n: int, maximum: int) -> IntArray:
    """Choose at most so many of `n` places, evenly; none of none."""
    return np.linspace(0, n - 1, min(n, maximum)).round().astype(np.int64)


def _write_maps(maps: FloatArray, path: Path) -> None:
    """Write maps in their own resolution, each with a maximum of 1; an empty one stays empty."""
    greatest = maps.max(axis=(1, 2), keepdims=True)
    scaled = np.divide(maps, greatest, out=np.zeros_like(maps), where=greatest > 0)
    np.savez_compressed(path, maps=scaled.astype(np.float16))


def _choose_examples(scored: ScoredImages, wrong: BoolArray) -> IntArray:
    """Choose what has a map: wrong ones, the surest first, then right ones of each class."""
    mistaken = wrong | ~scored.are_right
    error = np.abs(scored.scores - scored.labels)
    surest = np.argsort(np.where(mistaken, -error, 1.0), kind="stable")
    of_class = [np.flatnonzero(~mistaken & (scored.labels == label)) for label in (1, 0)]
    some = [places[_evenly(len(places), N_RIGHT_OF_CLASS)] for places in of_class]
    return np.concatenate([surest[: min(int(mistaken.sum()), MAX_WRONG)], *some])
