"""One run's configuration: every setting with its default, limits and help, in one place.

The DAG's trigger form, the command line's flags and the checks all come from `RunConfig`.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from cxr_tasks.devices import n_training_threads
from cxr_tasks.errors import ConfigError, first_few
from cxr_tasks.files import digest_of
from cxr_tasks.variants import VARIANTS

PROFILES: dict[str, dict[str, Any]] = {
    "quickstart": {"source": "phantom", "split": "grouped", "epochs": 8, "patience": 8},
    "paper": {"source": "kaggle", "split": "paper", "epochs": 500, "patience": 30},
}
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
    """A checked configuration; made by `make_config` only."""

    profile: str = _setting(
        "quickstart",
        "Profile",
        "What the settings below are where they are left empty. `quickstart`: synthetic images, "
        "few epochs, minutes on two cores. `paper`: the published study's procedure.",
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
        "A CSV file with the columns path,patient; overrides what file names say.",
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
    threads: int = _setting(
        0,
        "Threads of a training",
        "CPU threads; part of what makes numbers repeatable. 0: by the machine's cores.",
        section="Training",
        minimum=0,
        maximum=256,
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
    kinds = {"int": int, "str": str, "bool": bool, "float": float}
    return {
        item.name: Setting(
            name=item.name,
            kind=kinds.get(str(item.type.__name__ if isinstance(item.type, type) else ""), tuple),
            default=item.default if item.default is not MISSING else None,
            by_profile=item.name in by_profile,
            **item.metadata,
        )
        for item in fields(RunConfig)
    }


SETTINGS: dict[str, Setting] = _settings()
"""Every setting by name, in the order a form shows them."""


def make_config(given: Mapping[str, Any]) -> RunConfig:
    """Check what a person gave and fill in what they did not.

    Args:
        given: Values by setting; None, and for settings that follow the profile the empty
            string, mean "not given".

    Raises:
        ConfigError: An unknown key, a value of the wrong kind or out of range, or settings
            that do not go together.
    """
    _refuse_unknown(given)
    stated = {key: value for key, value in given.items() if not _is_unset(key, value)}
    profile = _checked("profile", stated.get("profile", SETTINGS["profile"].default))
    values = {name: setting.default for name, setting in SETTINGS.items()}
    values |= PROFILES[profile] | stated
    config = RunConfig(**{name: _checked(name, value) for name, value in values.items()})
    _check_together(config)
    if config.threads:
        return config
    return RunConfig(**(asdict(config) | {"threads": n_training_threads()}))


def config_from_record(record: Mapping[str, Any]) -> RunConfig:
    """Read back the configuration of a run, as `config.json` holds it."""
    return make_config(record)


def _is_unset(name: str, value: Any) -> bool:
    return value is None or (value == "" and SETTINGS[name].by_profile)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise ConfigError(
            f"Unknown setting: {first_few([repr(key) for key in unknown])}.",
            f"Allowed: {', '.join(SETTINGS)}.",
            "Correct the spelling, or leave it out.",
        )


def _checked(name: str, value: Any) -> Any:
    setting = SETTINGS[name]
    if setting.kind is tuple:
        return _checked_list(setting, value)
    value = _of_kind(setting, value)
    if setting.choices and value not in setting.choices:
        raise _refused(setting, value, f"Allowed: {', '.join(setting.choices)}.")
    below = setting.minimum is not None and value < setting.minimum
    above = setting.maximum is not None and value > setting.maximum
    if below or above or value != value:
        raise _refused(setting, value, f"Allowed: {setting.minimum} to {setting.maximum}.")
    return value


def _of_kind(setting: Setting, value: Any) -> Any:
    """Accept a value of the setting's own kind; a whole number serves as a fraction."""
    if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, setting.kind) or (setting.kind is int and isinstance(value, bool)):
        raise _refused(setting, value, f"It has to be of type {setting.kind.__name__}.")
    if isinstance(value, str) and ("\x00" in value or "\n" in value):
        raise _refused(setting, value, "A text setting is one line without control characters.")
    return value


def _checked_list(setting: Setting, value: Any) -> tuple[str, ...]:
    """Order and deduplicate a choice of several."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, (list, tuple)) or not value:
        raise _refused(setting, value, f"Give at least one of: {', '.join(setting.choices)}.")
    unknown = [part for part in value if part not in setting.choices]
    if unknown:
        raise _refused(setting, value, f"Allowed: {', '.join(setting.choices)}.")
    return tuple(choice for choice in setting.choices if choice in value)


def _check_together(config: RunConfig) -> None:
    if config.source in ("folder", "zip") and not config.data:
        raise ConfigError(
            f"source={config.source!r} without data.",
            f"The source {config.source!r} reads the path that `data` names.",
            "Give data=PATH, or use source=phantom.",
        )
    if config.source in ("phantom", "kaggle") and config.data:
        raise ConfigError(
            f"data={config.data!r} with source={config.source!r}.",
            "Only the sources 'folder' and 'zip' read a path.",
            "Give source=folder or source=zip, or leave data out.",
        )
    if config.source == "kaggle" and "/" not in config.kaggle_dataset:
        raise ConfigError(
            f"kaggle_dataset={config.kaggle_dataset!r} names no owner.",
            "A Kaggle data set is OWNER/SLUG; the study gives the slug only.",
            f"Set kaggle_dataset=OWNER/{STUDY_SLUG} (on the command line --kaggle-dataset), "
            "or use source=zip with data=PATH for a download that you have.",
        )
    if (config.preset == "custom") != bool(config.covid_glob and config.normal_glob):
        raise ConfigError(
            f"preset={config.preset!r} with covid_glob={config.covid_glob!r} and "
            f"normal_glob={config.normal_glob!r}.",
            "The preset 'custom' needs both patterns; the others bring their own.",
            "Set preset=custom and both patterns, or leave the patterns empty.",
        )
    if config.weights == "random" and config.profile != "quickstart":
        raise ConfigError(
            f"weights='random' in profile {config.profile!r}.",
            "Transfer learning from random weights means nothing; only quickstart, which "
            "shows the machinery, may do it.",
            "Name a weights file, or leave weights empty for Keras' ImageNet weights.",
        )


def _refused(setting: Setting, value: Any, rule: str) -> ConfigError:
    return ConfigError(
        f"{setting.name}={value!r} is not possible.",
        rule,
        f"Change {setting.name} (command line: --{setting.name.replace('_', '-')}).",
    )
