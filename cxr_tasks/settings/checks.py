"""Settings that do not go together, and settings that have no effect beside others."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.settings.learning_rates import rates_of
from cxr_tasks.settings.mask_pattern import mask_pattern_of
from cxr_tasks.settings.model import WEIGHTS_WITHOUT_FILE, RunConfig, Setting, default_of
from cxr_tasks.settings.presets import preset_of
from cxr_tasks.variants import VARIANTS, Variant


class Effect(NamedTuple):
    """The condition under which some settings take effect."""

    settings: tuple[str, ...]
    by: str  # the setting that decides
    holds: Callable[[RunConfig], bool]
    reason: str  # why they take no effect in any other configuration


class _Conflict(NamedTuple):
    """Settings that do not go together; `{name}` in a text is that setting's value."""

    is_in: Callable[[RunConfig], bool]
    problem: str
    rule: str
    remedy: str


def without_effect(config: RunConfig) -> Iterator[tuple[str, Effect]]:
    """Yield the settings that were set although they have no effect, and the condition they fail.

    A form and `config.json` state every value: one that is the profile's default was not set.
    """
    for effect in EFFECTS:
        for name in effect.settings if not effect.holds(config) else ():
            if getattr(config, name) != default_of(name, config.profile):
                yield name, effect


def check_together(config: RunConfig) -> None:
    """Check that the settings go together.

    Raises:
        ConfigError: Some of them do not.
    """
    for conflict in _CONFLICTS:
        if conflict.is_in(config):
            values = config.as_dict()
            raise ConfigError(*(text.format_map(values) for text in conflict[1:]))
    for each in filter(None, (config, config.external_config())):
        preset = preset_of(each) if each.source != "phantom" else None
        if preset and preset.covid == preset.normal:
            raise ConfigError(
                f"covid_glob={config.covid_glob!r} and normal_glob={config.normal_glob!r} are the "
                "same.",
                "An image is of one class; patterns that match the same images cannot tell which.",
                "Give each class its own pattern (command line: --covid-glob, --normal-glob).",
            )
    mask_pattern_of(config)
    if config.source == "kaggle":
        read_handle("kaggle_dataset", config.kaggle_dataset)
    if config.external_source == "kaggle":
        read_handle("external_data", config.external_data)


def not_possible(setting: Setting, value: Any, rule: str) -> ConfigError:
    """Return the error about a value that a setting cannot have."""
    return ConfigError(
        f"{setting.name}={shown(value)} is not possible.",
        rule,
        f"Change {setting.name} (command line: {setting.flag}).",
    )


def _reads_files(config: RunConfig) -> bool:
    return config.source != "phantom" or _tests_on_files(config)


def _tests_on_files(config: RunConfig) -> bool:
    return config.external_source not in ("none", "phantom")


def _uses_preset(config: RunConfig) -> bool:
    return config.source != "phantom" or (
        _tests_on_files(config) and config.external_preset == "same"
    )


def _any_variant(condition: Callable[[Variant], bool]) -> Callable[[RunConfig], bool]:
    return lambda config: any(condition(VARIANTS[name]) for name in config.variants)


EFFECTS = (
    Effect(
        ("data",),
        "source",
        lambda config: config.source in ("folder", "zip"),
        "Only the sources 'folder' and 'zip' read a path.",
    ),
    Effect(
        ("kaggle_dataset",),
        "source",
        lambda config: config.source == "kaggle",
        "Only the source 'kaggle' downloads a data set.",
    ),
    Effect(
        ("patients",),
        "source",
        lambda config: config.source != "phantom",
        "Images that the project draws bring their own patients.",
    ),
    Effect(
        ("lung_masks",),
        "source",
        lambda config: config.source != "phantom",
        "Images that the project draws have no masks.",
    ),
    Effect(
        ("preset",),
        "source",
        _uses_preset,
        "A preset says which folders of files hold which class; images that the project draws are "
        "in none.",
    ),
    Effect(
        ("max_rejected_fraction",),
        "source",
        _reads_files,
        "Only files are rejected; images that the project draws are all usable.",
    ),
    Effect(
        ("covid_glob", "normal_glob"),
        "preset",
        lambda config: config.preset == "custom",
        "The patterns belong to preset 'custom'; the others bring their own.",
    ),
    Effect(
        ("follow_links",),
        "source",
        lambda config: "folder" in (config.source, config.external_source),
        "Only in a folder are there links to follow.",
    ),
    Effect(
        ("phantom_images", "phantom_difficulty"),
        "source",
        lambda config: "phantom" in (config.source, config.external_source),
        "It describes the images that the project draws, for source or external_source 'phantom'.",
    ),
    Effect(
        ("test_one_in",),
        "split",
        lambda config: config.split == "grouped",
        "The study's split, 'paper', sets no test part apart.",
    ),
    Effect(
        ("test_one_in",),
        "folds",
        lambda config: config.folds == 0,
        "With folds every image is tested in one of them, and no other test part is set apart.",
    ),
    Effect(
        ("repeats", "head_repeats"),
        "folds",
        lambda config: config.folds > 0,
        "It is the division into folds that is repeated.",
    ),
    Effect(
        ("head_repeats",),
        "variants",
        _any_variant(lambda variant: variant.trains_head_only),
        "Only mobilenetv2_frozen trains nothing but its head.",
    ),
    Effect(
        ("weights",),
        "variants",
        _any_variant(lambda variant: variant.uses_backbone),
        "Only the MobileNetV2 variants have a backbone that begins with weights.",
    ),
    Effect(
        ("precision",),
        "variants",
        _any_variant(lambda variant: not variant.n_frozen_layers),
        "Layers that frozen ones feed stay float32, and these variants train no others.",
    ),
    Effect(
        ("external_data", "external_preset", "external_patients"),
        "external_source",
        _tests_on_files,
        "It describes an external data set of files: external_source 'folder', 'zip' or 'kaggle'.",
    ),
    Effect(
        ("allow_shortcut", "approval", "challenge_level"),
        "promote",
        lambda config: config.promote,
        "A run that does not challenge the champion promotes no model.",
    ),
    Effect(
        ("allow_shortcut", "approval", "challenge_level"),
        "source",
        lambda config: config.source != "phantom",
        "Models of images that the project draws are never promoted.",
    ),
    Effect(
        ("allow_shortcut", "approval", "challenge_level"),
        "split",
        lambda config: config.split == "grouped",
        "Only split 'grouped' keeps patients and copies apart; no other model is ever promoted.",
    ),
)
"""Settings that are in no row always take effect."""

_CONFLICTS = (
    _Conflict(
        lambda config: config.source in ("folder", "zip") and not config.data,
        "source={source!r} without data.",
        "The source {source!r} reads the path that `data` names.",
        "Give data=PATH, or use source=phantom.",
    ),
    _Conflict(
        lambda config: config.folds == 1,
        "folds=1 is not possible.",
        "Allowed: 0 (no folds), or 2 to 20.",
        "Change folds (command line: --folds).",
    ),
    _Conflict(
        lambda config: config.folds > 0 and config.split != "grouped",
        "folds={folds} with split={split!r}.",
        "Folds keep a patient's images together; only split='grouped' knows the groups.",
        "Set split=grouped, or folds=0.",
    ),
    _Conflict(
        lambda config: _tests_on_files(config) and not config.external_data,
        "external_source={external_source!r} with external_data={external_data!r}.",
        "An external data set of files is named by external_data.",
        "Give both (command line: --external-data), or leave both out.",
    ),
    _Conflict(
        lambda config: config.preset == "custom" and not (config.covid_glob and config.normal_glob),
        "preset={preset!r} with covid_glob={covid_glob!r} and normal_glob={normal_glob!r}.",
        "The preset 'custom' needs both patterns; the others bring their own.",
        "Give both patterns (command line: --covid-glob, --normal-glob), or another preset.",
    ),
    _Conflict(
        lambda config: config.epochs == 0 and config.profile != "quickstart",
        "epochs=0 in profile {profile!r}.",
        "0 leaves the number to each variant; they have one for profile quickstart only.",
        "Give 1 to 10000, or leave epochs out (command line: --epochs).",
    ),
    _Conflict(
        lambda config: (
            "=" in config.learning_rate
            and not rates_of(config.learning_rate).keys() <= set(config.variants)
        ),
        "learning_rate={learning_rate!r} with variants={variants}.",
        "A learning rate is of a variant that the run trains.",
        "Leave the other variants out of it (command line: --learning-rate), or train them too.",
    ),
    _Conflict(
        lambda config: config.weights in WEIGHTS_WITHOUT_FILE and config.profile != "quickstart",
        "weights={weights!r} in profile {profile!r}.",
        "Transfer learning from random weights, or from synthetic images, says nothing of real "
        "ones; only quickstart, which shows the machinery, may do it.",
        "Name a weights file, or leave weights empty for Keras' ImageNet weights.",
    ),
)
