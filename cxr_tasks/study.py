"""What the study reports: its Table 3, beside which a run's own figures are put."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SOURCE = (
    "Joakim Andersson Svendsen and Max Brehmer, Deep learning HT24: Project 4 "
    "(course report), January 2025, Table 3"
)

N_TRAIN = 243
N_VAL = 81

SETTINGS = (
    "324 images, 162 of each class; 243 to train and 81 to validate, no test images; "
    "batches of 32, at most 500 epochs, early stopping on validation loss with patience 30"
)


@dataclass(frozen=True)
class StudyRow:
    """One variant's line of Table 3: fractions in [0, 1], loss in nats."""

    model: str
    train_accuracy: float
    train_loss: float
    val_accuracy: float
    val_loss: float
    epochs_run: int


# Accuracies are counts over 243 and 81, as the text gives them; the table prints four digits.
TABLE_3: Mapping[str, StudyRow] = {
    "vanilla_cnn": StudyRow("Model 1", 216 / N_TRAIN, 0.2608, 66 / N_VAL, 0.4318, 331),
    "mobilenetv2_frozen": StudyRow("Model 2", 1.0, 0.0273, 75 / N_VAL, 0.1873, 127),
    "mobilenetv2_partial": StudyRow("Model 3", 1.0, 0.0609, 77 / N_VAL, 0.1767, 500),
    "mobilenetv2_unfrozen": StudyRow("Model 4", 242 / N_TRAIN, 0.0939, 72 / N_VAL, 0.4017, 288),
}
"""By variant. The study calls its last column "epoch runtime"; it is the epochs run."""


def study_facts() -> dict[str, Any]:
    """Give the study's figures as JSON knows them."""
    return {
        "source": SOURCE,
        "settings": SETTINGS,
        "n_train": N_TRAIN,
        "n_val": N_VAL,
        "variants": {name: asdict(row) for name, row in TABLE_3.items()},
    }
