"""The rule by which runs go, on runs that are only told about."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.defaults import Retention, make_retention
from cxr_tasks.space.rules import runs_beyond
from cxr_tasks.space.run_state import DAY_SECONDS, RunState
from cxr_tasks.volume.paths import Home

NOW = 1000 * DAY_SECONDS


def run(
    key: str, days_ago: float, *, finished: bool = True, unchanged_since: str | None = None
) -> RunState:
    paths = Home(Path("/nowhere")).run(key)
    return RunState(paths, NOW - days_ago * DAY_SECONDS, finished, unchanged_since)


def going(
    states: Sequence[RunState],
    *,
    keep_runs: int | None = None,
    keep_days: int | None = None,
    made_champion: Sequence[str] = (),
) -> list[str]:
    versions = [f"0001-{key}" for key in made_champion]
    found = runs_beyond(states, versions, retention=Retention(keep_runs, keep_days), now=NOW)
    return [state.run.key for state in found]


NIGHTS = [run(f"night-{days}", days) for days in (2, 4, 6, 8)]


def test_without_a_rule_no_run_goes() -> None:
    assert going(NIGHTS) == []


def test_by_number_by_age_and_by_both() -> None:
    assert going(NIGHTS, keep_runs=3) == ["night-8"]
    assert going(NIGHTS, keep_days=5) == ["night-8", "night-6"]
    assert going(NIGHTS, keep_runs=3, keep_days=5) == ["night-8"]
    assert going(NIGHTS, keep_runs=1, keep_days=5) == ["night-8", "night-6"]
    assert going(NIGHTS, keep_runs=1, keep_days=100) == []


def test_runs_that_ended_early_take_nobodys_place() -> None:
    early = [run(f"early-{days}", days, unchanged_since="night-2") for days in (1.5, 3, 9)]
    assert going([*NIGHTS, *early], keep_runs=4) == ["early-9"]


def test_what_a_champion_was_made_from_stays() -> None:
    assert going(NIGHTS, keep_runs=1, made_champion=["night-8", "night-4"]) == ["night-6"]


def test_the_newest_finished_run_stays_whatever_its_age() -> None:
    failed = run("failed", 9, finished=False)
    assert going([run("only", 500), failed], keep_days=5) == ["failed"]


def test_a_run_named_by_one_that_stays_stays() -> None:
    early = run("early", 2, unchanged_since="night-8")
    assert going([*NIGHTS, early], keep_runs=2) == ["night-6"]
    gone = run("early", 20, unchanged_since="night-8")
    assert going([*NIGHTS, gone], keep_runs=2) == ["early", "night-8", "night-6"]


@pytest.mark.parametrize(("days_ago", "stays"), [(6, True), (8, False)])
def test_a_run_without_a_report_stays_a_week(days_ago: float, stays: bool) -> None:
    states = [
        *(run(f"night-{number}", number / 10) for number in range(5)),
        run("begun", days_ago, finished=False),
    ]
    assert going(states, keep_runs=1) == ([] if stays else ["begun"])


def test_what_happened_today_may_go_on() -> None:
    assert going([run("a", 0.1), run("b", 0.2), run("c", 0.9), run("d", 1.1)], keep_runs=1) == ["d"]


@pytest.mark.parametrize(
    "values", [{"keep_runs": 0}, {"keep_days": 1.5}, {"keep_runs": True}, {"keep": 3}, 7]
)
def test_what_is_no_rule_is_refused(values: object) -> None:
    with pytest.raises(ConfigError, match=r"defaults.toml: \[retention\] is"):
        make_retention(values, where="defaults.toml: [retention]")
