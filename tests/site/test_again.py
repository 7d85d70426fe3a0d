"""The form by which a run is started again: filled as it was, checked, and sent on."""

import json
import re
from html import unescape
from typing import Any

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.config import config_from_record, make_config
from cxr_tasks.site.again import again_address, conf_of, form_of_run
from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from tests.policy import refused_scripts

BASE = "/cxr"
HOSTILE = {"covid_glob": "a/*", "normal_glob": "b\"'&<i>/*"}
CHANGED: dict[str, Any] = {
    "variants": "vanilla_cnn,mobilenetv2_frozen",
    "epochs": 4,
    "seed": 7,
    "class_weights": True,
    "promote": False,
    "learning_rate": "vanilla_cnn=0.001",
    "prevalence": 0.2,
}


def begun(home: Home, given: dict[str, Any], key: str = "earlier") -> RunPaths:
    return start_run(make_config(given), home, key, note=lambda _: None)


def shown_form(page: str) -> dict[str, list[str]]:
    """Read a page's form back as a browser would send it."""
    form = page[page.index("<form") : page.index("</form>")]
    given: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (unescape(_attribute(tag, key)) for key in ("name", "value"))
        if 'type="checkbox"' not in tag or " checked" in tag:
            given.setdefault(name, []).append(value)
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option(?: value="(\w*)")? selected>([^<]*)', options)
        first = options.split("<option>")[-1].split("<")[0]
        given[name] = [first if not chosen else chosen[2] if chosen[1] is None else chosen[1]]
    return given


def _attribute(tag: str, name: str) -> str:
    found = re.search(f' {name}="([^"]*)"', tag)
    return found[1] if found else ""


@pytest.mark.parametrize(
    "given",
    [
        {},
        CHANGED,
        {"profile": "honest", "source": "folder", "data": "/", "threads": 3, "approval": True},
        {"source": "folder", "data": "/", "preset": "custom", **HOSTILE},
    ],
)
def test_the_form_sent_as_it_opens_is_the_same_run(home: Home, given: dict[str, Any]) -> None:
    run = begun(home, given)
    page = Site(home).of_run.again(run.key, base=BASE).body
    assert isinstance(page, str)
    assert not refused_scripts(page)
    conf = conf_of(shown_form(page), defaults={}, home=home)
    assert "run" not in conf
    assert make_config(conf) == make_config(given)
    assert set(conf) <= {*given, "variants"}


def test_what_follows_the_profile_follows_another_one(home: Home) -> None:
    form = dict(form_of_run(begun(home, CHANGED)))
    form |= {"profile": ["honest"], "source": ["folder"], "data": ["/x"], "epochs": [""]}
    config = make_config(conf_of(form, defaults={}, home=home))
    assert (config.folds, config.epochs, config.seed) == (5, 500, 7)


def test_the_operators_defaults_do_not_slip_in(home: Home) -> None:
    """What the run had is said wherever the DAG would take something else."""
    form = form_of_run(begun(home, {}))
    defaults = {"seed": 99, "folds": 3, "promote": False}
    conf = conf_of(form, defaults=defaults, home=home)
    assert conf == {"seed": 42, "folds": None, "promote": True}
    assert make_config({**defaults, **conf}, defaults=defaults) == make_config({})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epochs": ["many"]}, "epochs='many' is not possible."),
        ({"epochs": ["2.5"]}, "epochs='2.5' is not possible."),
        ({"seed": [""]}, "seed='' is not possible."),
        ({"variants": []}, "variants"),
        ({"profile": ["best"]}, "profile='best' is not possible."),
        ({"resnet": ["1"]}, "Unknown field"),
        ({"run": ["../x"]}, "The run name"),
        ({"kaggle_dataset": ["o/s"]}, "has no effect"),
        ({"seed": ["5", "6"]}, "seed was sent 2 times."),
        ({"force": ["maybe"]}, "force='maybe' is not possible."),
    ],
)
def test_what_is_not_possible_starts_nothing(
    home: Home, change: dict[str, list[str]], told: str
) -> None:
    run = begun(home, CHANGED)
    form = {**form_of_run(run), **change}
    with pytest.raises(ConfigError) as refused:
        conf_of(form, defaults={}, home=home)
    assert told in str(refused.value)
    answer = Site(home).of_run.again(run.key, base=BASE, given=form, refused=refused.value)
    assert answer.status == 400
    page = unescape(str(answer.body))
    assert refused.value.remedy in page
    kept = shown_form(str(answer.body))
    assert kept["learning_rate"] == ["vanilla_cnn=0.001"]  # what was typed is not lost
    if told.startswith("epochs"):
        assert kept["epochs"] == change["epochs"]
        assert 'aria-invalid="true"' in page


def test_the_new_run_gets_the_name_that_was_typed(home: Home) -> None:
    form = {**form_of_run(begun(home, {})), "run": ["second"]}
    assert conf_of(form, defaults={}, home=home) == {"run": "second"}


def test_a_run_of_older_code_fills_the_form_too(home: Home) -> None:
    run = begun(home, {})
    content = json.loads(run.config.read_text())
    for name in ("learning_rate", "approval", "head_repeats"):
        del content["config"][name]
    older = config_from_record(content["config"])
    assert older == config_from_record(make_config({"threads": older.threads}).as_dict())


def test_damage_and_absence_are_said(home: Home) -> None:
    site = Site(home)
    assert site.of_run.again("never", base=BASE).status == 404
    assert site.of_run.again("..", base=BASE).status == 404
    run = begun(home, {})
    run.config.write_text("{}")
    assert "Its settings are damaged" in str(site.of_run.again(run.key, base=BASE).body)


def test_the_tab_knows_which_run_it_is_of(home: Home) -> None:
    begun(home, CHANGED)
    site = Site(home)
    asked = AirflowRun("cxr_pipeline", "r", "success", opening={"run": "earlier"}, start="success")
    assert 'value="vanilla_cnn=0.001"' in str(
        site.of_run.airflow_run_again(asked, base=BASE, defaults={}).body
    )
    other = AirflowRun("cxr_score", "r", "success")
    assert "No form here" in str(site.of_run.airflow_run_again(other, base=BASE, defaults={}).body)
    unknown = AirflowRun("cxr_pipeline", "r", None)
    assert site.of_run.airflow_run_again(unknown, base=BASE, defaults={}).status == 404


def test_what_start_has_refused_is_in_the_form_as_it_was_asked_for(home: Home) -> None:
    asked_for = {"run": "typed", "source": "folder", "data": "/gone", "seed": 5, "epochs": "many"}
    asked = AirflowRun("cxr_pipeline", "a b", "failed", asked_for, start="failed")
    pages = Site(home).of_run
    notice = str(pages.airflow_run(asked, base=BASE).body)
    assert 'href="/cxr/again/cxr_pipeline/a%20b"' in notice
    page = str(pages.airflow_run_again(asked, base=BASE, defaults={"folds": 3}).body)
    assert 'action="/cxr/again/cxr_pipeline/a%20b"' in page
    form = shown_form(page)
    for name, text in (asked_for | {"folds": 3}).items():
        assert form[name] == [str(text)]
    with pytest.raises(ConfigError, match="epochs='many'") as refused:
        conf_of(form, defaults={}, home=home)
    again = pages.airflow_run_again(
        asked, base=BASE, defaults={}, given=form, refused=refused.value
    )
    assert again.status == 400
    assert shown_form(str(again.body)) == form
    conf = conf_of({**form, "epochs": ["3"]}, defaults={}, home=home)
    assert conf["run"] == "typed"


@pytest.mark.parametrize(
    ("given", "n_set"),
    [({}, 0), ({"seed": 7, "threads": 2}, 2), ({"class_weights": True, "promote": False}, 2)],
)
def test_only_what_differs_from_the_profile_is_marked(
    home: Home, given: dict[str, Any], n_set: int
) -> None:
    page = str(Site(home).of_run.again(begun(home, given).key, base=BASE).body)
    assert page.count('<span class="tag">set</span>') == n_set


def test_the_name_of_another_run_is_refused_with_the_form(home: Home) -> None:
    form = form_of_run(begun(home, {"seed": 7}))
    begun(home, {"seed": 8}, key="taken")
    with pytest.raises(ConfigError, match="'taken' exists with other settings: seed was 8, now 7"):
        conf_of({**form, "run": ["taken"]}, defaults={}, home=home)
    assert conf_of({**form, "run": ["earlier"]}, defaults={}, home=home)  # goes on with it


def test_every_setting_is_in_the_form_with_its_help(home: Home) -> None:
    page = unescape(
        re.sub("<[^>]*>", "", str(Site(home).of_run.again(begun(home, {}).key, base=BASE).body))
    )
    for setting in SETTINGS.values():
        assert setting.title in page
        assert setting.help.replace("`", "") in page


def test_who_may_not_start_runs_has_no_button(home: Home) -> None:
    run = begun(home, {})
    page = str(Site(home).of_run.again(run.key, base=BASE, may_start=False).body)
    assert "<button" not in page
    assert "not start any" in page


def test_the_address_is_safe() -> None:
    assert again_address("a/b?c", base=BASE) == "/cxr/again/a%2Fb%3Fc"
