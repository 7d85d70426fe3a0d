"""Settings of the section Training: how images are divided and models trained."""

from dataclasses import dataclass

from cxr_tasks.settings.setting import setting
from cxr_tasks.variants import VARIANTS

WEIGHTS_WITHOUT_FILE = ("phantom", "random")
"""Choices of the backbone's weights that name no file; for profile quickstart only."""


def _quickstart_epochs() -> str:
    return ", ".join(str(variant.quickstart_epochs) for variant in VARIANTS.values())


@dataclass(frozen=True)
class TrainingSection:
    """How images are divided and models trained."""

    split: str = setting(
        "grouped",
        "Split",
        "By profile where empty. `paper`: 75/25 as Keras' loader does it, no test part. "
        "`grouped`: train, val and test with no patient or duplicate in two of them.",
        choices=("paper", "grouped"),
    )
    test_one_in: int = setting(
        5,
        "One image in so many tests",
        "One image in so many is set apart to test, a patient's together; a fifth of the others "
        "validates. By profile where empty (quickstart: 3; others: 5). Only with split "
        "`grouped` and without folds.",
        minimum=2,
        maximum=10,
    )
    folds: int = setting(
        0,
        "Folds",
        "By profile where empty (honest: 5). Every image is scored out of fold, by a model "
        "trained on the other folds. 0: none; the split's own parts measure. Needs split grouped.",
        minimum=0,
        maximum=20,
    )
    repeats: int = setting(
        1,
        "Repeats of the folds",
        "How often the images are divided into folds anew; an image's probabilities are averaged.",
        minimum=1,
        maximum=20,
    )
    epochs: int = setting(
        500,
        "Most epochs",
        "By profile where empty (paper, honest: 500, which early stopping seldom lets a training "
        f"reach; quickstart: 0, which is {_quickstart_epochs()} for the four variants).",
        minimum=0,
        maximum=10_000,
    )
    patience: int = setting(
        30,
        "Patience",
        "Epochs without a lower validation loss before a training stops. By profile where empty "
        "(paper, honest: 30; quickstart: 100, which hardly ever stops one).",
        minimum=1,
        maximum=10_000,
    )
    batch_size: int = setting(
        32,
        "Batch size",
        "Images in one step of training. By profile where empty (paper, honest: 32; quickstart: "
        "16).",
        minimum=1,
        maximum=1024,
    )
    class_weights: bool = setting(
        False, "Class weights", "Weigh both classes equally in the loss where their numbers differ."
    )
    weights: str = setting(
        "",
        "Backbone weights",
        "A MobileNetV2 weights file without top. Empty: Keras' ImageNet weights, downloaded once; "
        "where they cannot be had, `quickstart` takes `phantom`, and other profiles stop. In "
        "`quickstart` only: `phantom`, pre-trained on this project's synthetic images; `random`.",
    )
    precision: str = setting(
        "auto",
        "Precision",
        "`mixed`: half-precision arithmetic on full-precision weights. `auto`: mixed on a "
        "graphics card, float32 on a CPU. Layers that frozen ones feed stay float32.",
        choices=("auto", "float32", "mixed"),
    )
    threads: int = setting(
        0,
        "Threads of a training",
        "CPU threads; part of what makes numbers repeatable. 0: by the cores of the machine that "
        "starts the run, whichever goes on with it.",
        minimum=0,
        maximum=256,
    )
