"""Settings of the section Retraining: whether to run at all, and what may become the champion."""

from dataclasses import dataclass

from cxr_tasks.settings.setting import setting


@dataclass(frozen=True)
class RetrainingSection:
    """Whether to run at all, and what may become the champion."""

    force: bool = setting(
        False,
        "Run although nothing changed",
        "Without it a run ends early when an earlier one has the same images, settings, library "
        "versions and code: it would give the same numbers.",
    )
    promote: bool = setting(
        True,
        "Challenge the champion",
        "At the end, compare the recommended variant with the champion on images that neither "
        "has seen, and let it serve if it is better. Synthetic data are never promoted.",
    )
    challenge_level: str = setting(
        "spent",
        "Level of a challenge",
        "Each challenge is another chance that a model which is no better is promoted. `spent`: "
        "the champion's first challenge is decided at 3 %, the k-th at 1/k² of that, 5 % over all "
        "of them; `fixed`: every one at 5 %.",
        choices=("spent", "fixed"),
    )
    allow_shortcut: bool = setting(
        False,
        "Promote in spite of a shortcut",
        "Promote even where the audit's verdict is `shortcut`: the model may then know the "
        "source of an image and nothing about disease. The model card says so.",
    )
