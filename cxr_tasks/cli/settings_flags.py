"""The settings as flags of the command line."""

import argparse
from typing import Any

from cxr_tasks.runs.run import PATH_SETTINGS
from cxr_tasks.settings import SETTINGS, Setting


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting, grouped by section."""
    groups: dict[str, Any] = {}
    for setting in SETTINGS.values():
        if setting.section not in groups:
            groups[setting.section] = parser.add_argument_group(setting.section.lower())
        _add_setting(groups[setting.section], setting)


def _add_setting(group: Any, setting: Setting) -> None:
    flag = f"--{setting.name.replace('_', '-')}"
    text = f"{setting.help} {setting.limits}".rstrip().replace("`", "'").replace("%", "%%")
    shown = setting.default or "by profile" if setting.by_profile else setting.default
    if setting.kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        return
    if setting.kind is tuple:
        text += f" Comma-separated; default: all of {', '.join(setting.choices)}."
        group.add_argument(flag, metavar="A,B", help=text)
        return
    if shown not in ("", None) and not setting.by_profile:
        text += f" Default: {shown}."
    kind: Any = str if setting.kind is str else _number_or_text(setting.kind)
    metavar = "{" + ",".join(setting.choices) + "}" if setting.choices else _metavar(setting)
    group.add_argument(flag, type=kind, metavar=metavar, help=text)


def _number_or_text(kind: type) -> Any:
    """Read a number where it is one, and leave the rest for `make_config` to refuse."""

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text

    return convert


def _metavar(setting: Setting) -> str:
    if setting.kind is not str:
        return "N"
    return "PATH" if setting.name in PATH_SETTINGS else "TEXT"
