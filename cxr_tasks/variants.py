"""The four variants that are trained and compared: what the study varies, as figures.

Nothing here imports Keras: the configuration, and through it the DAG, reads this module.
"""

from dataclasses import dataclass
from typing import Literal

VariantName = Literal[
    "vanilla_cnn", "mobilenetv2_frozen", "mobilenetv2_partial", "mobilenetv2_unfrozen"
]

N_BACKBONE_LAYERS = 154
"""Layers of Keras' MobileNetV2 without top, its input layer included (the study says 155)."""

QUICKSTART_BATCH_NORM_MOMENTUM = 0.7
"""Of the running batch statistics where a training has few steps only. Not the study's: with
Keras' 0.999, 32 steps move them by 3 %, and validation, which uses them, stays at chance."""


@dataclass(frozen=True)
class Variant:
    """One way to build and train a classifier."""

    name: VariantName  # the variant's name in configuration, folders, task ids and the report
    title: str  # what a person calls it
    study_name: str  # what the study calls it
    learning_rate: float  # Adam's rate, as in the study's code (its Table 2 reads ten times higher)
    # Adam's rate where a training is short. Not the study's: at its rates three of the four
    # variants are still near chance after eight epochs.
    quickstart_learning_rate: float
    # maximum of epochs where the configuration leaves it to the variant: as many as it learns in,
    # fewer where one takes longer
    quickstart_epochs: int
    dropout: float  # fraction of the head's units that are dropped in training
    augmented: bool  # whether images are flipped, turned, zoomed and changed in contrast
    # how many of MobileNetV2's first layers keep their weights, its input layer counted as Keras
    # does; None where the variant has no backbone
    n_frozen_layers: int | None

    @property
    def uses_backbone(self) -> bool:
        """Whether the variant starts from MobileNetV2."""
        return self.n_frozen_layers is not None

    @property
    def trains_on_features(self) -> bool:
        """Whether frozen layers run once, and training only sees what they gave."""
        return bool(self.n_frozen_layers)

    @property
    def trains_head_only(self) -> bool:
        """Whether the backbone is all frozen: a training then takes seconds."""
        return self.n_frozen_layers == N_BACKBONE_LAYERS

    def usual_learning_rate(self, *, quick: bool) -> float:
        """Return Adam's rate where nobody sets it: `quick` is a short training's."""
        return self.quickstart_learning_rate if quick else self.learning_rate


_ALL = (
    Variant(
        name="vanilla_cnn",
        title="Vanilla CNN",
        study_name="Model 1",
        learning_rate=1e-5,
        quickstart_learning_rate=1e-3,
        quickstart_epochs=8,
        dropout=0.2,
        augmented=True,
        n_frozen_layers=None,
    ),
    Variant(
        name="mobilenetv2_frozen",
        title="MobileNetV2 frozen",
        study_name="Model 2",
        learning_rate=1e-4,
        quickstart_learning_rate=6e-4,
        quickstart_epochs=300,
        dropout=0.5,
        augmented=False,
        n_frozen_layers=N_BACKBONE_LAYERS,
    ),
    Variant(
        name="mobilenetv2_partial",
        title="MobileNetV2 partly frozen",
        study_name="Model 3",
        learning_rate=1e-6,
        quickstart_learning_rate=2e-4,
        quickstart_epochs=8,
        dropout=0.5,
        augmented=False,
        n_frozen_layers=135,
    ),
    Variant(
        name="mobilenetv2_unfrozen",
        title="MobileNetV2 unfrozen",
        study_name="Model 4",
        learning_rate=1e-6,
        quickstart_learning_rate=1e-4,
        quickstart_epochs=3,
        dropout=0.5,
        augmented=False,
        n_frozen_layers=0,
    ),
)

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _ALL}
"""Every variant by name, in the order they are shown."""
