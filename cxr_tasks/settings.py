"""One run's settings: each with its default, limits and help, in one place.

The DAG's trigger form, the command line's flags and the checks all come from `RunConfig`.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cxr_tasks.files import digest_of
from cxr_tasks.variants import VARIANTS

PROFILES: dict[str, dict[str, Any]] = {
    "quickstart": {
        "source": "phantom", "split": "grouped", "folds": 0, "epochs": 8, "patience": 8,
    },
    "paper": {"source": "kaggle", "split": "paper", "folds": 0, "epochs": 500, "patience": 30},
    "honest": {"source": "kaggle", "split": "grouped", "folds": 5, "epochs": 500, "patience": 30},
}  # fmt: skip
"""What each profile sets where the user says nothing."""

STUDY_SLUG = "covid-19-vs-normal-chest-x-rays"


@dataclass(frozen=True)
class Setting:
    """What a person has to know about one setting, and what a value of it has to be."""

    name: str
    kind: type
    default: Any
    title: str
    help: str
    section: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    by_profile: bool = False


def _setting(
    default: Any,
    title: str,
    help: str,  # noqa: A002 - the word that argparse and the form use
    *,
    section: str,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    metadata = {
        "title": title, "help": help, "section": section,
        "choices": choices, "minimum": minimum, "maximum": maximum,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class RunConfig:
    """A checked configuration; made by `cxr_tasks.config.make_config` only."""

    profile: str = _setting(
        "quickstart",
        "Profile",
        "What the settings below are where they are left empty. `quickstart`: synthetic images, "
        "few epochs, minutes on two cores. `paper`: the published study's procedure. `honest`: "
        "every image scored by models that saw neither it nor its patient, in five folds.",
        section="Run",
        choices=tuple(PROFILES),
    )
    variants: tuple[str, ...] = _setting(
        tuple(VARIANTS),
        "Variants",
        "Which of the four models to train and compare.",
        section="Run",
        choices=tuple(VARIANTS),
    )
    seed: int = _setting(
        42,
        "Seed",
        "Decides split, initial weights, order of images, dropout and augmentation.",
        section="Run",
        minimum=0,
        maximum=2**31 - 1,
    )
    source: str = _setting(
        "phantom",
        "Source",
        "Where the images come from; by profile where empty. `phantom`: drawn here, synthetic.",
        section="Data",
        choices=("kaggle", "folder", "zip", "phantom"),
    )
    data: str = _setting(
        "",
        "Data path",
        "For `folder` and `zip`: the path, as the workers see it.",
        section="Data",
    )
    preset: str = _setting(
        "study",
        "Preset",
        "Which folders hold which class. `study`: COVID/ and NORMAL/. `radiography`: "
        "COVID/images and Normal/images. `custom`: by the two patterns below.",
        section="Data",
        choices=("study", "radiography", "custom"),
    )
    covid_glob: str = _setting(
        "",
        "Pattern of COVID-19 images",
        "For preset `custom`, relative to the data's root, for example `positive/**`.",
        section="Data",
    )
    normal_glob: str = _setting(
        "",
        "Pattern of normal images",
        "For preset `custom`, relative to the data's root, for example `negative/**`.",
        section="Data",
    )
    kaggle_dataset: str = _setting(
        "",
        "Kaggle data set",
        f"For `kaggle`: OWNER/SLUG. The study's slug is `{STUDY_SLUG}`; it names no owner.",
        section="Data",
    )
    patients: str = _setting(
        "",
        "Patients file",
        "A CSV file with the columns path,patient and, if wanted, source (hospital, archive); "
        "overrides what file names say.",
        section="Data",
    )
    phantom_images: int = _setting(
        160,
        "Phantom images",
        "How many images to draw for source `phantom`.",
        section="Data",
        minimum=24,
        maximum=200_000,
    )
    max_rejected_fraction: float = _setting(
        0.05,
        "Largest rejected fraction",
        "Ingestion fails when more than this fraction of the files is unusable, in [0, 1].",
        section="Data",
        minimum=0.0,
        maximum=1.0,
    )
    split: str = _setting(
        "grouped",
        "Split",
        "By profile where empty. `paper`: 75/25 as Keras' loader does it, no test part. "
        "`grouped`: train, val and test with no patient or duplicate in two of them.",
        section="Training",
        choices=("paper", "grouped"),
    )
    folds: int = _setting(
        0,
        "Folds",
        "By profile where empty (honest: 5). Every image is scored out of fold, by a model "
        "trained on the other folds. 0: none; the split's own parts measure. Needs split grouped.",
        section="Training",
        minimum=0,
        maximum=20,
    )
    repeats: int = _setting(
        1,
        "Repeats of the folds",
        "How often the images are divided into folds anew; an image's probabilities are averaged.",
        section="Training",
        minimum=1,
        maximum=20,
    )
    epochs: int = _setting(
        8,
        "Most epochs",
        "By profile where empty (paper: 500). Early stopping usually ends a training before.",
        section="Training",
        minimum=1,
        maximum=10_000,
    )
    patience: int = _setting(
        8,
        "Patience",
        "By profile where empty (paper: 30). Epochs without a lower validation loss before "
        "a training stops.",
        section="Training",
        minimum=1,
        maximum=10_000,
    )
    batch_size: int = _setting(
        32,
        "Batch size",
        "Images in one step of training.",
        section="Training",
        minimum=1,
        maximum=1024,
    )
    class_weights: bool = _setting(
        False,
        "Class weights",
        "Weigh both classes equally in the loss where their numbers differ.",
        section="Training",
    )
    weights: str = _setting(
        "",
        "Backbone weights",
        "A MobileNetV2 weights file without top. Empty: Keras' ImageNet weights, downloaded "
        "once. `random`: none, in profile `quickstart` only.",
        section="Training",
    )
    precision: str = _setting(
        "auto",
        "Precision",
        "`mixed`: half-precision arithmetic on full-precision weights. `auto`: mixed on a "
        "graphics card, float32 on a CPU. Layers that frozen ones feed stay float32.",
        section="Training",
        choices=("auto", "float32", "mixed"),
    )
    threads: int = _setting(
        0,
        "Threads of a training",
        "CPU threads; part of what makes numbers repeatable. 0: by the machine's cores.",
        section="Training",
        minimum=0,
        maximum=256,
    )

    min_sensitivity: float = _setting(
        0.95,
        "Least sensitivity",
        "A decision cut-off is chosen on validation images to detect at least this fraction of "
        "COVID-19, in (0, 1], and applied to images that had no part in choosing it.",
        section="Evaluation",
        minimum=0.01,
        maximum=1.0,
    )
    prevalence: float = _setting(
        0.1,
        "Prevalence",
        "The fraction of COVID-19 for which predictive values are given, in (0, 1).",
        section="Evaluation",
        minimum=0.0001,
        maximum=0.9999,
    )
    external_source: str = _setting(
        "none",
        "External source",
        "A second data set that trains nothing and only tests: `folder`, `zip`, `kaggle`, or "
        "`phantom` (drawn with another seed).",
        section="Evaluation",
        choices=("none", "kaggle", "folder", "zip", "phantom"),
    )
    external_data: str = _setting(
        "",
        "External data",
        "For `folder` and `zip` the path, as the workers see it; for `kaggle` OWNER/SLUG.",
        section="Evaluation",
    )
    external_preset: str = _setting(
        "same",
        "External preset",
        "Which folders of it hold which class; `same`: as the preset above.",
        section="Evaluation",
        choices=("same", "study", "radiography"),
    )
    external_patients: str = _setting(
        "",
        "External patients file",
        "As the patients file, for the external data.",
        section="Evaluation",
    )

    @property
    def fingerprint(self) -> str:
        """Digest of every setting: equal if and only if the configurations are."""
        return digest_of(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Give the settings as JSON knows them."""
        return asdict(self) | {"variants": list(self.variants)}


def _settings() -> dict[str, Setting]:
    by_profile = {key for profile in PROFILES.values() for key in profile}
    return {
        item.name: Setting(
            name=item.name,
            kind=item.type if isinstance(item.type, type) else tuple,
            default=item.default,
            by_profile=item.name in by_profile,
            **item.metadata,
        )
        for item in fields(RunConfig)
    }


SETTINGS: dict[str, Setting] = _settings()
"""Every setting by name, in the order a form shows them."""
