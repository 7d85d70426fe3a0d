"""A configuration made from a person's values: checked, and completed by the profile."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from cxr_tasks.errors import ConfigError, first_few, shown
from cxr_tasks.settings.checks import Effect, check_together, not_possible, without_effect
from cxr_tasks.settings.model import (
    LATER_SETTINGS,
    PROFILES,
    SETTINGS,
    RunConfig,
    Setting,
    default_of,
)

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}
"""By the error with which pydantic refuses any other kind."""


def make_config(given: Mapping[str, Any], *, defaults: Mapping[str, Any] = _NOTHING) -> RunConfig:
    """Check a person's values and fill in the others.

    Threads that are not given stay 0: the machine that starts the run decides.

    Args:
        given: Values by setting; None, and for settings that follow the profile the empty
            string, mean "not given".
        defaults: The operator's, with which a form begins: those that can have no effect beside
            a person's choices are left out.

    Raises:
        ConfigError: An unknown key, a value of the wrong kind or out of range, or settings
            that do not go together or have no effect.
    """
    config = _without_useless(defaults, _completed(given))
    for name, effect in without_effect(config):
        raise _no_effect(name, effect, config)
    check_together(config)
    return config


def config_from_record(record: Mapping[str, Any]) -> RunConfig:
    """Read the configuration of a run back, as `config.json` holds it.

    Each value is checked, but not whether they go together: the version that wrote them did so, by
    its own rules. A setting that it did not have is at the default, whatever the profile.
    """
    return _completed({name: SETTINGS[name].default for name in LATER_SETTINGS} | dict(record))


def _completed(given: Mapping[str, Any]) -> RunConfig:
    unknown = sorted(shown(key) for key in set(given) - set(SETTINGS))
    if unknown:
        raise ConfigError(
            f"Unknown setting: {first_few(unknown)}.",
            f"Allowed: {', '.join(SETTINGS)}.",
            "Correct the spelling, or leave it out.",
        )
    stated = {key: value for key, value in given.items() if not _is_unset(key, value)}
    profile = stated.get("profile", SETTINGS["profile"].default)
    values = (PROFILES.get(profile, {}) if isinstance(profile, str) else {}) | stated
    try:
        return RunConfig(**values)
    except ValidationError as err:
        name, kind = err.errors()[0]["loc"][0], err.errors()[0]["type"]
        setting = SETTINGS[str(name)]
        raise not_possible(setting, values[setting.name], _rule(setting, kind)) from err


def _rule(setting: Setting, kind_of_error: str) -> str:
    if kind_of_error in _KINDS:
        return f"It has to be {_KINDS[kind_of_error]}. {setting.limits}".rstrip()
    if kind_of_error == "value_error":
        return setting.rule or "A text setting is one line of Unicode without null."
    if setting.kind == "array" and kind_of_error != "literal_error":
        return f"Give at least one of: {', '.join(setting.choices)}."
    return setting.limits or f"Allowed: {', '.join(setting.choices)}."


def _is_unset(name: str, value: Any) -> bool:
    return value is None or (value == "" and SETTINGS[name].by_profile)


def _without_useless(defaults: Mapping[str, Any], config: RunConfig) -> RunConfig:
    """Reset the operator's defaults that have no effect here: nobody has chosen them.

    One may be of no use without another that is reset, as patterns without their preset.
    """
    useless = {
        name: default_of(name, config.profile)
        for name, _ in without_effect(config)
        if not _is_unset(name, default := defaults.get(name)) and default == getattr(config, name)
    }
    return _without_useless(defaults, config.model_copy(update=useless)) if useless else config


def _no_effect(name: str, effect: Effect, config: RunConfig) -> ConfigError:
    decisive = getattr(config, effect.by)
    decisive = ",".join(decisive) if isinstance(decisive, tuple) else decisive
    return ConfigError(
        f"{name}={shown(getattr(config, name))} with {effect.by}={shown(decisive)} has no effect.",
        effect.reason,
        f"Leave {name} out (command line: {SETTINGS[name].flag}), or change {effect.by} "
        f"({SETTINGS[effect.by].flag}).",
    )
