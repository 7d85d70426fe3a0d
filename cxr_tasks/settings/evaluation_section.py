"""Settings of the section Evaluation: what is measured, and on which other images."""

from dataclasses import dataclass

from cxr_tasks.settings.setting import setting


@dataclass(frozen=True)
class EvaluationSection:
    """What is measured, and on which other images."""

    min_sensitivity: float = setting(
        0.95,
        "Least sensitivity",
        "A decision cut-off is chosen on validation images to detect at least this fraction of "
        "COVID-19, and applied to images that had no part in choosing it.",
        minimum=0.01,
        maximum=1.0,
    )
    prevalence: float = setting(
        0.1,
        "Prevalence",
        "The fraction of COVID-19 for which predictive values are given.",
        minimum=0.0001,
        maximum=0.9999,
    )
    external_source: str = setting(
        "none",
        "External source",
        "A second data set that trains nothing and only tests: `folder`, `zip`, `kaggle`, or "
        "`phantom` (drawn with another seed).",
        choices=("none", "kaggle", "folder", "zip", "phantom"),
    )
    external_data: str = setting(
        "",
        "External data",
        "For `folder` and `zip` the path, as the workers see it; for `kaggle` OWNER/SLUG.",
    )
    external_preset: str = setting(
        "same",
        "External preset",
        "Which folders of it hold which class; `same`: as the preset above.",
        choices=("same", "study", "radiography"),
    )
    external_patients: str = setting(
        "", "External patients file", "As the patients file, for the external data."
    )
