"""The segmenter's training: drawn pictures, cheaply varied, and the loss."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.lungs.lesson import SIZE_PX, draw_lesson

Model = Any

_WARM_UP_STEPS = 50
_WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class Plan:
    """How the segmenter is trained."""

    seed: int  # decides pictures, first weights, order and variation
    n_images: int  # how many are drawn; they come again, varied
    n_steps: int
    batch_size: int = 16  # pictures in one step
    learning_rate: float = 2e-3  # AdamW's largest; falls to nothing along a cosine


@dataclass(frozen=True)
class Lessons:
    """Drawn pictures and where their lungs are."""

    pixels: NDArray[np.uint8]  # shape (n, 112, 112)
    masks: NDArray[np.uint8]  # likewise; 255 is lung


def draw_lessons(n_images: int, *, seed: int, workers: int) -> Lessons:
    """Draw as many; the same from any number of workers."""
    draw = partial(draw_lesson, seed=seed)
    if workers == 1:
        drawn = [draw(number) for number in range(n_images)]
    else:
        with ProcessPoolExecutor(workers) as pool:
            drawn = list(pool.map(draw, range(n_images), chunksize=8))
    pixels, masks = zip(*((each.pixels, each.mask) for each in drawn), strict=True)
    return Lessons(np.stack(pixels), np.stack(masks))


def train_segmenter(
    network: Model, plan: Plan, lessons: Lessons, *, on_step: Callable[[int, float], None]
) -> None:
    """Train a network in place.

    Args:
        network: As `build_network` makes it.
        plan: How.
        lessons: What it learns from.
        on_step: Receives the number of each step, from 1, and its loss.
    """
    import keras

    optimizer = keras.optimizers.AdamW(plan.learning_rate, weight_decay=_WEIGHT_DECAY, clipnorm=1.0)
    network.compile(optimizer=optimizer, loss=overlap_loss)
    batches = _batches(plan, lessons)
    for step in range(1, plan.n_steps + 1):
        optimizer.learning_rate.assign(_learning_rate(plan, step))
        on_step(step, float(network.train_on_batch(*next(batches))))


def overlap_loss(masks: Any, logits: Any) -> Any:
    """Cross-entropy of the pixels plus what is missing of the Dice of the batch."""
    import keras
    from keras import ops

    entropy = ops.mean(keras.losses.binary_crossentropy(masks, logits, from_logits=True))
    lungs = ops.sigmoid(logits)
    both = ops.sum(masks * lungs, axis=(1, 2, 3))
    total = ops.sum(masks + lungs, axis=(1, 2, 3))
    return entropy + 1 - ops.mean((2 * both + 100) / (total + 100))


def _learning_rate(plan: Plan, step: int) -> float:
    warm = min(1.0, step / _WARM_UP_STEPS)
    return plan.learning_rate * warm * 0.5 * (1 + float(np.cos(np.pi * step / (plan.n_steps + 1))))


def _batches(plan: Plan, lessons: Lessons) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield batches without end, every picture once before any comes again."""
    rng = np.random.default_rng([plan.seed, 1])
    waiting: list[int] = []
    while True:
        if len(waiting) < plan.batch_size:
            waiting = rng.permutation(len(lessons.pixels)).tolist() + waiting
        chosen = [waiting.pop() for _ in range(plan.batch_size)]
        grey = lessons.pixels[chosen].astype(np.float32)
        masks = lessons.masks[chosen].astype(np.float32) / 255
        for place in range(plan.batch_size):
            grey[place], masks[place] = _varied(grey[place], masks[place], rng)
        yield grey[..., None], masks[..., None]


def _varied(
    grey: NDArray[np.float32], mask: NDArray[np.float32], rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mirror, shift, change the film curve, cover a box, add noise; each by chance."""
    if rng.random() < 0.5:
        grey, mask = grey[:, ::-1], mask[:, ::-1]
    rows, columns = _moved(rng), _moved(rng)
    grey, mask = grey[np.ix_(rows, columns)], mask[np.ix_(rows, columns)]
    if rng.random() < 0.5:
        curve = np.float32(np.exp(rng.uniform(-0.6, 0.6)))
        grey = np.float32(255) * np.power(grey / np.float32(255), curve)
    if rng.random() < 0.25:
        top, left = rng.integers(0, SIZE_PX - 10, size=2)
        height, width = rng.integers(8, 40, size=2)
        grey = grey.copy()
        box = grey[top : top + height, left : left + width]
        box += np.float32(rng.uniform(0.3, 1)) * (np.float32(rng.uniform(0, 255)) - box)
    if rng.random() < 0.4:
        noise = rng.standard_normal(grey.shape, np.float32)
        grey = grey + np.float32(rng.uniform(0, 12)) * noise
    return grey, mask


def _moved(rng: Generator) -> NDArray[np.intp]:
    """Return the rows, or columns, that a picture's are taken from: moved and stretched."""
    stretch, shift = rng.uniform(0.88, 1.12), rng.uniform(-6, 6)
    middle = (SIZE_PX - 1) / 2
    places = (np.arange(SIZE_PX) - middle) * stretch + middle + shift
    return np.asarray(np.rint(places).clip(0, SIZE_PX - 1), np.intp)
