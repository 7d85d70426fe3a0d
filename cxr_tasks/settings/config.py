"""A configuration made of what a person gave: checked, and filled in by the profile."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from cxr_tasks.errors import ConfigError, first_few, shown
from cxr_tasks.settings import (
    PROFILES,
    SETTINGS,
    STUDY_SLUG,
    WEIGHTS_WITHOUT_FILE,
    Effect,
    RunConfig,
    Setting,
    default_of,
    without_effect,
)
from cxr_tasks.settings.external import external_config
from cxr_tasks.settings.kaggle_handle import read_handle
from cxr_tasks.settings.presets import preset_of

_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def make_config(given: Mapping[str, Any], *, defaults: Mapping[str, Any] = _NOTHING) -> RunConfig:
    """Check what a person gave and fill in what they did not.

    Threads that are not given stay 0: the machine that starts the run decides.

    Args:
        given: Values by setting; None, and for settings that follow the profile the empty
            string, mean "not given".
        defaults: The operator's, with which a form begins: where one of them can have no effect
            beside what a person has chosen, it is left out.

    Raises:
        ConfigError: An unknown key, a value of the wrong kind or out of range, or settings
            that do not go together or have no effect.
    """
    config = _leave_out(defaults, config_from_record(given))
    for name, effect in without_effect(config):
        raise _no_effect(name, effect, config)
    _check_together(config)
    return config


def config_from_record(record: Mapping[str, Any]) -> RunConfig:
    """Read back the configuration of a run, as `config.json` holds it.

    Each value is checked, and not whether they go together: the version that wrote them did, by
    rules of its own.
    """
    _refuse_unknown(record)
    stated = {key: value for key, value in record.items() if not _is_unset(key, value)}
    profile = _checked("profile", stated.get("profile", SETTINGS["profile"].default))
    values = {name: setting.default for name, setting in SETTINGS.items()}
    values |= PROFILES[profile] | stated
    return RunConfig(**{name: _checked(name, value) for name, value in values.items()})


def _leave_out(defaults: Mapping[str, Any], config: RunConfig) -> RunConfig:
    """Set back what nobody has chosen: the operator's defaults that have no effect here.

    One may be of no use without another that is set back, as patterns without their preset.
    """
    left_out: dict[str, Any] = {
        name: default_of(name, config.profile)
        for name, _ in without_effect(config)
        if not _is_unset(name, default := defaults.get(name))
        and _checked(name, default) == getattr(config, name)
    }
    return _leave_out(defaults, replace(config, **left_out)) if left_out else config


def _no_effect(name: str, effect: Effect, config: RunConfig) -> ConfigError:
    return ConfigError(
        f"{name}={shown(getattr(config, name))} with {effect.by}={shown(_stated(config, effect))} "
        "has no effect.",
        effect.reason,
        f"Leave {name} out (command line: {_flag(name)}), or change {effect.by} "
        f"({_flag(effect.by)}).",
    )


def _stated(config: RunConfig, effect: Effect) -> Any:
    value = getattr(config, effect.by)
    return ",".join(value) if isinstance(value, tuple) else value


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _is_unset(name: str, value: Any) -> bool:
    return value is None or (value == "" and SETTINGS[name].by_profile)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    unknown = sorted(shown(key) for key in set(given) - set(SETTINGS))
    if unknown:
        raise ConfigError(
            f"Unknown setting: {first_few(unknown)}.",
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
        raise _refused(setting, value, setting.limits)
    return value


def _of_kind(setting: Setting, value: Any) -> Any:
    """Accept a value of the setting's own kind; a whole number serves as a fraction."""
    if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
        return _as_float(setting, value)
    if not isinstance(value, setting.kind) or (setting.kind is int and isinstance(value, bool)):
        rule = f"It has to be {_KINDS[setting.kind]}. {setting.limits}"
        raise _refused(setting, value, rule.rstrip())
    if isinstance(value, str) and not _is_line(value):
        raise _refused(setting, value, "A text setting is one line of Unicode without null.")
    return value


def _as_float(setting: Setting, value: int) -> float:
    try:
        return float(value)
    except OverflowError as err:
        raise _refused(setting, value, "It has to be a number.") from err


def _is_line(text: str) -> bool:
    """Say whether a text can stand in one line of a file; a path's odd bytes cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text and text.splitlines() in ([], [text])


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
    if config.source == "kaggle" and "/" not in config.kaggle_dataset:
        raise ConfigError(
            f"kaggle_dataset={config.kaggle_dataset!r} names no owner.",
            "A Kaggle data set is OWNER/SLUG; the study gives the slug only.",
            f"Set kaggle_dataset=OWNER/{STUDY_SLUG} (on the command line --kaggle-dataset), "
            "or use source=zip with data=PATH for a download that you have.",
        )
    _check_folds(config)
    _check_external(config)
    if config.preset == "custom" and not (config.covid_glob and config.normal_glob):
        raise ConfigError(
            f"preset={config.preset!r} with covid_glob={config.covid_glob!r} and "
            f"normal_glob={config.normal_glob!r}.",
            "The preset 'custom' needs both patterns; the others bring their own.",
            "Give both patterns (command line: --covid-glob, --normal-glob), or another preset.",
        )
    _check_patterns(config)
    _check_handles(config)
    if config.epochs == 0 and config.profile != "quickstart":
        raise ConfigError(
            f"epochs=0 in profile {config.profile!r}.",
            "0 leaves the number to each variant; they have one for profile quickstart only.",
            "Give 1 to 10000, or leave epochs out (command line: --epochs).",
        )
    if config.weights in WEIGHTS_WITHOUT_FILE and config.profile != "quickstart":
        raise ConfigError(
            f"weights={config.weights!r} in profile {config.profile!r}.",
            "Transfer learning from random weights, or from synthetic images, says nothing of "
            "real ones; only quickstart, which shows the machinery, may do it.",
            "Name a weights file, or leave weights empty for Keras' ImageNet weights.",
        )


def _check_handles(config: RunConfig) -> None:
    if config.source == "kaggle":
        read_handle("kaggle_dataset", config.kaggle_dataset)
    if config.external_source == "kaggle":
        read_handle("external_data", config.external_data)


def _check_patterns(config: RunConfig) -> None:
    """Refuse patterns that can tell no class, in the run's own data or in the external ones."""
    external = external_config(config)
    for each in (config, external) if external else (config,):
        preset = preset_of(each) if each.source != "phantom" else None
        if preset and preset.covid == preset.normal:
            raise ConfigError(
                f"covid_glob={config.covid_glob!r} and normal_glob={config.normal_glob!r} are the "
                "same.",
                "An image is of one class; patterns that match the same images tell none.",
                "Give each class a pattern of its own (command line: --covid-glob, --normal-glob).",
            )


def _check_folds(config: RunConfig) -> None:
    if config.folds == 1:
        raise _refused(SETTINGS["folds"], 1, "Allowed: 0 (no folds), or 2 to 20.")
    if config.folds and config.split != "grouped":
        raise ConfigError(
            f"folds={config.folds} with split={config.split!r}.",
            "Folds keep a patient's images together; only split='grouped' knows the groups.",
            "Set split=grouped, or folds=0.",
        )


def _check_external(config: RunConfig) -> None:
    source, data = config.external_source, config.external_data
    if source in ("folder", "zip", "kaggle") and not data:
        raise ConfigError(
            f"external_source={source!r} with external_data={data!r}.",
            "An external data set of files is named by external_data.",
            "Give both (command line: --external-data), or leave both out.",
        )
    if source == "kaggle" and "/" not in data:
        raise ConfigError(
            f"external_data={data!r} names no owner.",
            "A Kaggle data set is OWNER/SLUG.",
            "Set external_data=OWNER/SLUG (command line: --external-data).",
        )


def _refused(setting: Setting, value: Any, rule: str) -> ConfigError:
    return ConfigError(
        f"{setting.name}={shown(value)} is not possible.",
        rule,
        f"Change {setting.name} (command line: {_flag(setting.name)}).",
    )
