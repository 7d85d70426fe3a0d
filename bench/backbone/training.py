"""The backbone's training: what is in which zone of the lungs, asked of MobileNetV2's features."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.backbone.lesson import (
    FINDINGS,
    N_CHEST_FACTS,
    NETWORK_SIZE_PX,
    ZONES,
    Lesson,
    draw_lesson,
    mirrored,
)
from cxr_tasks.training.batch_norm import with_fused_batch_norm
from cxr_tasks.training.networks import LAST_MAP, build_backbone, seed_of

Model = Any
Batch = tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]

MOMENTUM = 0.95
"""Of the running batch statistics; with Keras' 0.999 they would lag behind so short a training."""

_ZONE_REACH = 0.06
"""Standard deviation of a zone's window, in widths of the image."""

LOSSES = ("loss", "early_findings_loss", "last_findings_loss", "last_densities_loss")
"""What is kept of each step's losses: the weighted sum, and some of its parts."""

_WARM_UP_STEPS = 30
_MAPS = {
    "early": ("block_6_expand_relu", 8),
    "middle": ("block_13_expand_relu", 16),
    "last": (LAST_MAP, 32),
}
"""The maps that are asked: the layer that gives each, and the pixels from cell to cell."""

_WEIGHTS = {"findings": 1.0, "densities": 2.0, "chest": 0.1}
"""Of the losses in their sum."""


@dataclass(frozen=True)
class Phase:
    """Some steps on the middle of the images, so many pixels wide; the lungs are in 160."""

    size_px: int
    n_steps: int


@dataclass(frozen=True)
class Plan:
    """How the backbone is trained."""

    seed: int  # decides images, first weights, order and mirroring
    n_images: int  # how many are drawn; they come again in another order
    # one after the other: the middle is cheap, the last ones see whole images
    phases: tuple[Phase, ...]
    batch_size: int = 32  # images in one step
    learning_rate: float = 2e-3  # Adam's largest, after some steps; falls to nothing along a cosine

    @property
    def n_steps(self) -> int:
        """Return the steps of all phases."""
        return sum(phase.n_steps for phase in self.phases)


def draw_lessons(plan: Plan, *, workers: int) -> list[Lesson]:
    """Draw all images; the same from any number of workers."""
    with ProcessPoolExecutor(workers) as pool:
        draw = partial(draw_lesson, seed=plan.seed)
        return list(pool.map(draw, range(plan.n_images), chunksize=32))


def train_backbone(
    plan: Plan, lessons: list[Lesson], *, on_step: Callable[[int, dict[str, float]], None]
) -> Model:
    """Train a network for the images' findings, and give its backbone.

    Args:
        plan: How.
        lessons: What `draw_lessons` gave.
        on_step: Told the number of each step, from 1, and its losses.
    """
    import keras

    image = keras.Input((None, None, 1), name="image")
    grey = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    scaled = keras.layers.Concatenate()([grey, grey, grey])
    backbone = build_backbone(scaled, seed=plan.seed, weights=None)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    network = with_fused_batch_norm(_with_heads(image, backbone, plan.seed))
    network.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate),
        loss={name: _loss_of(name) for name in network.output_names},
        loss_weights={name: _WEIGHTS[name.rsplit("_")[-1]] for name in network.output_names},
    )
    step = 0
    batches = _batches(plan, lessons)
    for phase in plan.phases:
        for _ in range(phase.n_steps):
            step += 1
            network.optimizer.learning_rate = _learning_rate(plan, step)
            pixels, answers = next(batches)
            losses = network.train_on_batch(
                _centre(pixels, phase.size_px), answers, return_dict=True
            )
            on_step(step, {name: float(value) for name, value in losses.items()})
    return backbone


def _with_heads(image: Any, backbone: Model, seed: int) -> Model:
    """Ask each zone's features the same questions, and all features together for the chest.

    Maps on the way are asked too (deep supervision, Lee et al. 2015): what is fine is theirs to
    see, and from random weights the last map alone would teach them slowly.
    """
    import keras
    from keras import layers

    def linear(n_outputs: int, name: str) -> Any:
        start = keras.initializers.GlorotUniform(seed=seed_of(seed, name))
        return layers.Dense(n_outputs, kernel_initializer=start, name=name)

    outputs = {}
    for name, (layer, stride_px) in _MAPS.items():
        pooling = _zone_pooling(stride_px, f"{name}_zones")
        of_zones = pooling(backbone.get_layer(layer).output)
        outputs[f"{name}_findings"] = linear(len(FINDINGS), f"{name}_findings")(of_zones)
        outputs[f"{name}_densities"] = layers.Reshape((len(ZONES),), name=f"{name}_densities")(
            linear(1, f"{name}_density")(of_zones)
        )
    everything = layers.GlobalAveragePooling2D()(backbone.get_layer(LAST_MAP).output)
    outputs["chest"] = linear(N_CHEST_FACTS, "chest")(everything)
    return keras.Model(image, outputs)


def _zone_pooling(stride_px: int, name: str) -> Any:
    """Return the means of maps (n, height, width, c) around each zone, (n, zones, c)."""
    import keras
    from keras import ops

    class ZonePooling(keras.layers.Layer):  # type: ignore[misc]
        def call(self, maps: Any) -> Any:
            _, height, width, _ = ops.shape(maps)
            near = ops.stack(
                [
                    _near(zone.imag, height)[:, None] * _near(zone.real, width)[None, :]
                    for zone in ZONES
                ]
            )
            near = near / ops.sum(near, axis=(1, 2), keepdims=True)
            return ops.einsum("zhw,nhwc->nzc", near, maps)

    def _near(place: float, n_cells: Any) -> Any:
        from_centre = ops.arange(n_cells, dtype="float32") + 0.5 - ops.cast(n_cells, "float32") / 2
        cells = from_centre * (stride_px / NETWORK_SIZE_PX)
        return ops.exp(-0.5 * ((cells - place) / _ZONE_REACH) ** 2)

    return ZonePooling(name=name)


def _learning_rate(plan: Plan, step: int) -> float:
    warm = min(1.0, step / _WARM_UP_STEPS)
    return plan.learning_rate * warm * 0.5 * (1 + float(np.cos(np.pi * step / (plan.n_steps + 1))))


def _batches(plan: Plan, lessons: list[Lesson]) -> Iterator[Batch]:
    """Yield batches without end, every image once before any comes again; half are mirrored."""
    rng = np.random.default_rng([plan.seed, 1])
    waiting: list[int] = []
    while True:
        if len(waiting) < plan.batch_size:
            waiting = rng.permutation(len(lessons)).tolist() + waiting
        chosen = [lessons[waiting.pop()] for _ in range(plan.batch_size)]
        yield _batch([_mirror(each) if rng.random() < 0.5 else each for each in chosen])


def _mirror(lesson: Lesson) -> Lesson:
    chest = lesson.chest * np.array([1, 1, -1, 1, 1, -1], np.float32)  # shift to the side, and turn
    return Lesson(
        lesson.pixels[:, ::-1], mirrored(lesson.findings), mirrored(lesson.densities), chest
    )


def _batch(lessons: list[Lesson]) -> Batch:
    answers = {"chest": np.stack([lesson.chest for lesson in lessons])}
    for name in _MAPS:
        answers[f"{name}_findings"] = np.stack([lesson.findings for lesson in lessons])
        answers[f"{name}_densities"] = np.stack([lesson.densities for lesson in lessons])
    return np.stack([lesson.pixels for lesson in lessons])[..., None], answers


def _centre(pixels: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Cut the middle out, at its own scale: what is fine stays as fine."""
    margin = (NETWORK_SIZE_PX - size_px) // 2
    return pixels[:, margin : margin + size_px, margin : margin + size_px]


def _loss_of(output: str) -> Any:
    import keras

    if output.endswith("_findings"):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanSquaredError()
