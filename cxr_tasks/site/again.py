"""The form by which a run is started again with changes: filled as that run was.

Airflow's own form has no address under which it opens filled. This one has, checks everything
before a run is made, and needs no script.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cxr_tasks.errors import ConfigError, first_few, shown
from cxr_tasks.runs.start import check_startable, has_threads_of_machine, read_config
from cxr_tasks.settings import SETTINGS, RunConfig, Setting, default_of
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.form import RUN_NAME
from cxr_tasks.volume.paths import Home, RunPaths, check_run_key

Given = Mapping[str, list[str]]
"""What a form holds: the texts of each field by its name; a box that is not ticked is not there."""

_TICKED = "1"


def again_address(run_key: str, *, base: str) -> str:
    """Return where the form stands that is filled as a run was; `base` is such as `/cxr`."""
    return f"{base}/again/{_quoted(run_key)}"


def again_tab_address(dag_id: str, run_id: str, *, base: str) -> str:
    """Return where the form stands that is filled as a DAG's run was."""
    return f"{base}/again/{dag_id}/{_quoted(run_id)}"


def _quoted(name: str) -> str:
    """Give a name, also one that nothing can have, as a part of an address."""
    return quote(name, safe="", errors="replace")


@dataclass(frozen=True)
class Field:
    """A setting in the form."""

    setting: Setting
    texts: tuple[str, ...]  # what it holds
    default: Any  # what it is in the run's profile where nobody sets it
    is_wrong: bool = False  # whether what was refused begins with it

    @property
    def is_chosen(self) -> bool:
        """Whether it differs from the profile."""
        if self.setting.kind == "array":
            return self.texts != tuple(self.setting.default)
        if self.setting.kind == "boolean":
            return bool(self.texts) != bool(self.default)
        default = _text(self.default)
        return self.texts not in ((default,), ("",) if default else ())

    @property
    def text(self) -> str:
        """Its one text."""
        return self.texts[0] if self.texts else ""


@dataclass(frozen=True)
class AgainForm:
    """The form about one run."""

    key: str  # the run that it was filled from; empty: what was asked for of one that never began
    address: str  # where it is sent
    name: str  # what the new run is to be called; empty: by Airflow's run id
    fields: tuple[Field, ...]
    refused: ConfigError | None = None  # why what was sent starts no run
    may_start: bool = True  # whether who looks may start runs
    paused: bool = False  # whether the DAG is, so that a run would wait

    @property
    def sections(self) -> dict[str, list[Field]]:
        """The fields by section, in their order."""
        sections: dict[str, list[Field]] = {}
        for field in self.fields:
            sections.setdefault(field.setting.section, []).append(field)
        return sections


def form_of_run(run: RunPaths) -> Given:
    """Return the form as a run would have filled it.

    What is as its profile has it stays empty, so that another profile brings its own; so do threads
    that were by the machine's cores.

    Raises:
        CxrError: The run's configuration is missing or damaged.
    """
    config = read_config(run)
    if has_threads_of_machine(run):
        config = config.model_copy(update={"threads": 0})
    return {name: _texts_of(setting, config) for name, setting in SETTINGS.items()}


def form_of_conf(conf: Mapping[str, Any], *, defaults: Mapping[str, Any]) -> Given:
    """Return the form as a run of the DAG was asked for, whether that was possible or not.

    Args:
        conf: The configuration of the DAG's run.
        defaults: The operator's, which the DAG takes where the configuration says nothing.
    """
    asked = {**{name: _left_alone(each) for name, each in SETTINGS.items()}, **defaults, **conf}
    form = {name: _shown(setting, asked[name]) for name, setting in SETTINGS.items()}
    return {**form, RUN_NAME: [_text(conf[RUN_NAME])] if conf.get(RUN_NAME) else []}


def make_form(key: str, given: Given, *, address: str, **facts: Any) -> AgainForm:
    """Lay out a form that holds what is given; `facts` are those of `AgainForm`."""
    refused = facts.get("refused")
    profile = (given.get("profile") or [""])[0]
    profile = profile if profile in SETTINGS["profile"].choices else SETTINGS["profile"].default
    fields = tuple(
        Field(
            setting,
            tuple(given.get(name, ())),
            default_of(name, profile),
            is_wrong=bool(refused and refused.problem.startswith(f"{name}=")),
        )
        for name, setting in SETTINGS.items()
    )
    return AgainForm(key, address, (given.get(RUN_NAME) or [""])[0], fields, **facts)


def conf_of(given: Given, *, defaults: Mapping[str, Any], home: Home) -> dict[str, Any]:
    """Check a form that was sent, and return the configuration of the DAG's run.

    Args:
        given: What it holds.
        defaults: The operator's, which the DAG takes where the configuration says nothing.
        home: The shared volume.

    Returns:
        The settings that differ from those, and the run's name where there is one.

    Raises:
        ConfigError: A field is unknown or sent twice, a value not possible, they do not go
            together, or another run has the name.
    """
    unknown = sorted(shown(name) for name in set(given) - {*SETTINGS, RUN_NAME})
    if unknown:
        raise ConfigError(
            f"Unknown field: {first_few(unknown)}.",
            "A form has a field for each setting, and no other.",
            "Load the page again; it may be of another version of the project.",
        )
    values = {name: _value(setting, given.get(name, [])) for name, setting in SETTINGS.items()}
    config = make_config(values)
    name = (given.get(RUN_NAME) or [""])[0].strip()
    if name:
        check_startable(config, home, name)
    conf = {RUN_NAME: check_run_key(name)} if name else {}
    stated = {
        name: value
        for name, value in values.items()
        if name in defaults or value != _left_alone(SETTINGS[name])
    }
    return conf | stated


def _texts_of(setting: Setting, config: RunConfig) -> list[str]:
    value = getattr(config, setting.name)
    if setting.by_profile and value == default_of(setting.name, config.profile):
        return [""]
    return _shown(setting, value)


def _shown(setting: Setting, value: Any) -> list[str]:
    if setting.kind == "boolean":
        return [_TICKED] if value else []
    if setting.kind == "array" and isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return [""] if value is None else [_text(value)]


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _value(setting: Setting, texts: list[str]) -> Any:
    """Read a field; a text that is no value stays one, which the check of the settings refuses."""
    if setting.kind == "array":
        return list(texts)
    if len(texts) > 1:
        raise ConfigError(
            f"{setting.name} was sent {len(texts)} times.",
            "A form has each field once.",
            "Load the page again; it may be of another version of the project.",
        )
    if setting.kind == "boolean":
        return bool(texts) if texts in ([], [_TICKED]) else texts[0]
    text = texts[0].strip() if texts else ""
    if not text and setting.by_profile:
        return None
    try:
        return {"integer": int, "number": float}.get(setting.kind, str)(text)
    except ValueError:
        return text


def _left_alone(setting: Setting) -> Any:
    """Return what a field is to the DAG where nobody touches it."""
    if setting.by_profile:
        return None
    return list(setting.default) if setting.kind == "array" else setting.default
