"""When each setting takes effect: one table, by which one that would do nothing is refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cxr_tasks.settings.run_config import SETTINGS, RunConfig
from cxr_tasks.settings.setting import PROFILES
from cxr_tasks.variants import VARIANTS, Variant


@dataclass(frozen=True)
class Effect:
    """The condition under which some settings take effect.

    Attributes:
        settings: Their names.
        by: The setting that decides.
        holds: Whether they take effect in a configuration.
        reason: Why they do not in any other.
    """

    settings: tuple[str, ...]
    by: str
    holds: Callable[[RunConfig], bool]
    reason: str


def without_effect(config: RunConfig) -> Iterator[tuple[str, Effect]]:
    """Yield the settings that somebody has set though they can do nothing, and why they cannot.

    A form and `config.json` state every value: one that is the profile's default was not set.
    """
    for effect in EFFECTS:
        for name in effect.settings if not effect.holds(config) else ():
            if getattr(config, name) != default_of(name, config.profile):
                yield name, effect


def default_of(name: str, profile: str) -> object:
    """Return what a setting is in a profile where nobody sets it."""
    return PROFILES[profile].get(name, SETTINGS[name].default)


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
        ("repeats",),
        "folds",
        lambda config: config.folds > 0,
        "It is the division into folds that is repeated.",
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
        ("allow_shortcut", "challenge_level"),
        "promote",
        lambda config: config.promote,
        "A run that does not challenge the champion promotes no model.",
    ),
    Effect(
        ("allow_shortcut", "challenge_level"),
        "source",
        lambda config: config.source != "phantom",
        "Models of images that the project draws are never promoted.",
    ),
    Effect(
        ("allow_shortcut", "challenge_level"),
        "split",
        lambda config: config.split == "grouped",
        "Only split 'grouped' keeps patients and copies apart; no other model is ever promoted.",
    ),
)
"""Settings that are in no row always take effect."""
