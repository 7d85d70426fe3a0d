"""The settings as fields of a form: JSON schema, as Airflow's trigger form reads it."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.settings import SETTINGS, Setting

RUN_NAME = "run"
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def form_fields(given: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Describe the run's name and every setting; `default` is the field's first value.

    Args:
        given: Checked values that a field begins with, by setting, in place of the project's.
    """
    given = given or {}
    run_name = {
        "default": None,
        "type": ["string", "null"],
        "title": "Run name",
        "description_md": "Folder of the run on the shared volume; empty: from Airflow's run id. "
        "The name of a run that exists goes on with it.",
        "section": "Run",
    }
    fields = {name: _field(item) for name, item in SETTINGS.items()}
    for name, value in given.items():
        fields[name]["default"] = _as_the_form_has_it(SETTINGS[name], value)
    return {RUN_NAME: run_name} | fields


def _field(setting: Setting) -> dict[str, Any]:
    described = {
        "title": setting.title,
        "description_md": f"{setting.help} {setting.limits}".rstrip(),
        "section": setting.section,
    }
    return described | (_several(setting) if setting.kind is tuple else _single(setting))


def _as_the_form_has_it(setting: Setting, value: Any) -> Any:
    """Write a choice of several as a list, also where it was given as text."""
    if setting.kind is tuple and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value


def _several(setting: Setting) -> dict[str, Any]:
    """A choice of several; Airflow shows `examples` as the choices."""
    choices = list(setting.choices)
    return {
        "default": list(setting.default),
        "type": "array",
        "items": {"type": "string", "enum": choices},
        "examples": choices,
    }


def _single(setting: Setting) -> dict[str, Any]:
    """Describe one value; a field that may stay empty is null, as Airflow's form demands any other.

    It has no `minimum` and no `maximum`: Airflow's form would move a number to the nearest that
    they allow, and tell nobody. The task `start` refuses it instead.
    """
    json_type = _JSON_TYPES[setting.kind]
    may_be_empty = setting.by_profile or setting.default == ""
    return {
        "default": None if may_be_empty else setting.default,
        "type": [json_type, "null"] if may_be_empty else json_type,
        **(_choices(setting) if setting.choices else {}),
    }


def _choices(setting: Setting) -> dict[str, Any]:
    if not setting.by_profile:
        return {"enum": list(setting.choices)}
    return {"enum": [*setting.choices, None], "values_display": {"null": "by profile"}}
