"""A configuration made of what a person gave: checked, and filled in by the profile."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cxr_tasks.devices import n_training_threads
from cxr_tasks.errors import ConfigError, first_few, shown
from cxr_tasks.settings import PROFILES, SETTINGS, STUDY_SLUG, RunConfig, Setting


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
        raise _refused(setting, value, f"Allowed: {setting.minimum} to {setting.maximum}.")
    return value


def _of_kind(setting: Setting, value: Any) -> Any:
    """Accept a value of the setting's own kind; a whole number serves as a fraction."""
    if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
        return _as_float(setting, value)
    if not isinstance(value, setting.kind) or (setting.kind is int and isinstance(value, bool)):
        raise _refused(setting, value, f"It has to be of type {setting.kind.__name__}.")
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
    _check_links(config)
    _check_folds(config)
    _check_external(config)
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


def _check_links(config: RunConfig) -> None:
    if config.follow_links and "folder" not in (config.source, config.external_source):
        raise ConfigError(
            f"follow_links=True with source={config.source!r}.",
            "Only in a folder are there links to follow.",
            "Give source=folder (or external_source=folder), or leave follow_links out.",
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
    if config.repeats > 1 and not config.folds:
        raise ConfigError(
            f"repeats={config.repeats} without folds.",
            "It is the division into folds that is repeated.",
            "Set folds=5, for example, or leave repeats out.",
        )


def _check_external(config: RunConfig) -> None:
    source, data = config.external_source, config.external_data
    needs_data = source in ("folder", "zip", "kaggle")
    if needs_data != bool(data):
        raise ConfigError(
            f"external_source={source!r} with external_data={data!r}.",
            "folder, zip and kaggle need external_data; none and phantom do not read it.",
            "Give both, or leave both out.",
        )
    if config.external_patients and not needs_data:
        raise ConfigError(
            f"external_patients={config.external_patients!r} with external_source={source!r}.",
            "A patients file says who is on the images of a folder, zip or Kaggle data set.",
            "Name the external data set too, or leave external_patients out.",
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
        f"Change {setting.name} (command line: --{setting.name.replace('_', '-')}).",
    )
