"""What the study reports: its Table 3, beside which a run's own figures are put."""

from collections.abc import Mapping

from cxr_tasks.settings import STUDY_SLUG, RunConfig
from cxr_tasks.settings.kaggle_handle import read_handle, slug_of
from cxr_tasks.settings.learning_rates import rates_of
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.record_model import Facts

SOURCE = (
    "Joakim Andersson Svendsen and Max Brehmer, Deep learning HT24: Project 4 "
    "(course report), January 2025, Table 3"
)

N_TRAIN = 243
N_VAL = 81

PROCEDURE = (
    "324 images, 162 of each class; 243 to train and 81 to validate, no test images; "
    "batches of 32, at most 500 epochs, early stopping on validation loss with patience 30"
)


class StudyVariant(Facts):
    """One variant's line of Table 3: fractions in [0, 1], loss in nats."""

    model: str
    train_accuracy: float
    train_loss: float
    val_accuracy: float
    val_loss: float
    epochs_run: int


class StudyReport(Facts):
    """The study's figures, and why a run's are not to be compared with them."""

    source: str
    settings: str
    n_train: int
    n_val: int
    variants: dict[str, StudyVariant]
    differences: list[str]


def _row(*figures: object) -> StudyVariant:
    return StudyVariant.model_validate(dict(zip(StudyVariant.model_fields, figures, strict=True)))


# Accuracies are counts over 243 and 81, as the text gives them; the table prints four digits.
TABLE_3: Mapping[str, StudyVariant] = {
    "vanilla_cnn": _row("Model 1", 216 / N_TRAIN, 0.2608, 66 / N_VAL, 0.4318, 331),
    "mobilenetv2_frozen": _row("Model 2", 1.0, 0.0273, 75 / N_VAL, 0.1873, 127),
    "mobilenetv2_partial": _row("Model 3", 1.0, 0.0609, 77 / N_VAL, 0.1767, 500),
    "mobilenetv2_unfrozen": _row("Model 4", 242 / N_TRAIN, 0.0939, 72 / N_VAL, 0.4017, 288),
}
"""By variant. The study calls its last column "epoch runtime"; it is the epochs run."""


def study_report(differences: list[str]) -> StudyReport:
    """Return the study's figures, beside what a run's differ in."""
    return StudyReport(
        source=SOURCE,
        settings=PROCEDURE,
        n_train=N_TRAIN,
        n_val=N_VAL,
        variants=dict(TABLE_3),
        differences=differences,
    )


def study_differences(
    config: RunConfig, *, synthetic: bool, n_by_part: Mapping[str, int], weights_origin: str
) -> list[str]:
    """Return why a run's figures are not comparable with the study's, gravest first.

    Empty only for a run of the study's own procedure on a data set of its name and size.

    Args:
        config: The run's configuration.
        synthetic: Whether its images were drawn.
        n_by_part: Images in each part of the split.
        weights_origin: Where the backbones' weights came from.
    """
    by_name = config.source == "kaggle" and _slug(config) == STUDY_SLUG
    n_train, n_val = n_by_part["train"], n_by_part["val"]
    limit = f"At most {config.epochs}" if config.epochs else "Each variant's own number of"
    limits = (config.epochs, config.patience)
    quickstart = config.profile == "quickstart"
    differences = {
        "The images are synthetic, drawn by this project.": synthetic,
        "The images are not the study's.": not synthetic and not by_name,
        f"Scores are out of {config.folds} folds, where the study scores the images that stopped "
        "the training.": config.folds > 0,
        f"Split {config.split!r}: {n_train} images train, {n_val} validate, "
        f"{n_by_part.get('test', 0)} test; in the study {N_TRAIN} and {N_VAL}, without test.": (
            config.split != "paper" or (n_train, n_val) != (N_TRAIN, N_VAL)
        ),
        ORIGINS[weights_origin].difference: bool(ORIGINS[weights_origin].difference),
        "Profile quickstart: a short training, with higher learning rates of its own.": quickstart,
        f"{limit} epochs, patience {config.patience}; in the study 500 and 30.": (
            limits not in ((500, 30), (0, 100))
        ),
        _other_rates(config): bool(config.learning_rate),
        f"Batches of {config.batch_size} images; in the study 32.": config.batch_size != 32,
        "Both classes weigh equally in the loss.": config.class_weights,
    }
    return [text for text, holds in differences.items() if holds]


def _other_rates(config: RunConfig) -> str:
    """Name the learning rates that were set, beside those of the study's code."""
    rates = rates_of(config.learning_rate)
    listed = ", ".join(
        f"{VARIANTS[name].title} {rates[name]:g} (study: {VARIANTS[name].learning_rate:g})"
        for name in config.variants
        if name in rates
    )
    return f"Learning rates of its own: {listed}."


def _slug(config: RunConfig) -> str:
    return slug_of(read_handle("kaggle_dataset", config.kaggle_dataset))
