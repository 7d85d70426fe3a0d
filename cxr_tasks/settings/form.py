"""The settings for a person: fields of Airflow's trigger form, and lines for a log."""

from collections.abc import Iterable, Mapping
from typing import Any

from cxr_tasks.settings.model import SETTINGS, RunConfig, Setting, default_of, split_list
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import markdown

RUN_NAME = "run"
_ALWAYS_LISTED = ("profile", "threads")
"""The profile itself, and what is by the cores of the machine where nobody sets it."""


def form_fields(given: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Describe the run's name and every setting as JSON schema; `default` is the first value.

    Checked values that are given, by setting, take the place of the project's.
    """
    run_name = {
        "default": None,
        "type": ["string", "null"],
        "title": "Run name",
        "description_md": "Folder of the run on the shared volume; empty: from Airflow's run id. "
        "The name of an existing run continues that run.",
        "section": "Run",
    }
    fields = {RUN_NAME: run_name} | {name: _field(item) for name, item in SETTINGS.items()}
    for name, value in (given or {}).items():
        fields[name]["default"] = split_list(value) if SETTINGS[name].kind == "array" else value
    return fields


def _field(setting: Setting) -> dict[str, Any]:
    """Describe one setting; a field that may stay empty is null, as Airflow's form demands a value.

    It has no `minimum` and no `maximum`: Airflow's form would move a number to the nearest that
    they allow, and tell nobody. The task `start` refuses it instead.
    """
    choices = list(setting.choices)
    field: dict[str, Any] = {
        "title": setting.title,
        "description_md": marked(f"{setting.help} {setting.limits}".rstrip()),
        "section": setting.section,
        "default": setting.default,
        "type": setting.kind,
    }
    if setting.kind == "array":  # Airflow shows `examples` as the choices
        items = {"type": "string", "enum": choices}
        return field | {"default": list(setting.default), "items": items, "examples": choices}
    if choices:
        field["enum"] = choices
    if setting.by_profile or setting.default == "":
        field |= {"default": None, "type": [setting.kind, "null"]}
        if choices:
            field |= {"enum": [*choices, None], "values_display": {"null": "by profile"}}
    return field


def marked(text: str) -> str:
    """Return a help text as Markdown for Airflow's form; what stands in backticks becomes bold.

    As code it would hide words: the form draws a box around it that covers the line above.
    """
    parts = text.split("`")
    return "".join(
        f"**{markdown(part)}**" if at % 2 else markdown(part) for at, part in enumerate(parts)
    )


def settings_in_force(config: RunConfig) -> list[str]:
    """Describe a run's settings: what differs from its profile first, then the rest by section.

    Settings that are empty are left out.
    """
    chosen = [
        name
        for name in SETTINGS
        if name not in _ALWAYS_LISTED and getattr(config, name) != default_of(name, config.profile)
    ]
    lines = [f"profile {config.profile}, chosen beside it: {_listed(config, chosen) or 'nothing'}"]
    for section in dict.fromkeys(setting.section for setting in SETTINGS.values()):
        rest = [
            name
            for name, setting in SETTINGS.items()
            if setting.section == section
            and name not in (*chosen, "profile")
            and getattr(config, name) != ""
        ]
        if rest:
            lines.append(f"{section.lower()}: {_listed(config, rest)}")
    most = config.epochs or max(VARIANTS[name].quickstart_epochs for name in config.variants)
    if config.patience >= most:
        lines.append(f"early stopping is off: no training has more than {most} epochs")
    return lines


def _listed(config: RunConfig, names: Iterable[str]) -> str:
    values = {name: getattr(config, name) for name in names}
    return ", ".join(
        f"{name}={'+'.join(value) if isinstance(value, tuple) else value}"
        for name, value in values.items()
    )
