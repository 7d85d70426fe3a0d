"""Challenges: each counted once, whatever happens, and decided at a level that is spent."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from bench.challenges import simulate_year, standard_errors
from cxr_tasks.champion import decision
from cxr_tasks.champion.challenges import (
    FIXED,
    LEVEL,
    SPENT,
    challenge_level_of,
    challenges_of,
    register,
)
from cxr_tasks.champion.contest import Answers, Contest, compare, conclude
from cxr_tasks.champion.describe import confidence_of, describe_champion, percent_of
from cxr_tasks.champion.pointer import changing, history, write_history
from cxr_tasks.champion.promotion_record import ContestFigures, PairedFigure
from cxr_tasks.champion.restoring import restore_pointer, roll_back
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.sealed import read_sealed, write_sealed
from tests.champion.drawn_champion import (
    NOW,
    challenged,
    compared,
    draw_challenger,
    draw_champion,
    figures_of,
    promote,
)
from tests.made_facts import filled

FIRST = "0001-first"


def runs_of(home: Home, version: str = FIRST) -> list[str]:
    return [entry.run for entry in challenges_of(home, version)]


def forget(home: Home, *keys: str) -> None:
    """Let the next try of a promotion begin anew."""
    for key in keys:
        shutil.rmtree(home.run(key).promote)


def test_levels_of_all_challenges_together_stay_below_five_percent() -> None:
    spent = [challenge_level_of(number, SPENT) for number in range(1, 5001)]
    assert spent[0] == pytest.approx(0.0304, abs=1e-4)
    assert spent[9] == pytest.approx(spent[0] / 100)
    assert 0.0499 < sum(spent) < LEVEL
    assert {challenge_level_of(number, FIXED) for number in (1, 7)} == {LEVEL}


def test_challenge_is_told_and_written_down(home: Home) -> None:
    kept, refused = promote(home, "like"), promote(home, "bad")
    assert [challenged(each).number for each in (kept, refused)] == [1, 2]
    challenge = challenged(refused)
    assert challenge.level == pytest.approx(LEVEL * 6 / math.pi**2 / 4)
    assert challenge.spent == pytest.approx(LEVEL * 6 / math.pi**2 * 1.25)
    assert "Challenge 2 of this champion, decided at 0.76 % of the 5.0 % for all" in refused.reason
    assert runs_of(home) == ["like", "bad"]
    described = " ".join(describe_champion(home).split())
    assert "Challenged 2 times; each time is another chance" in described
    assert "Of 5.0 % in all, 3.8 % are spent." in described
    assert "The next one is decided at 0.34 %, by a 99.66 % interval" in described


def test_new_champion_begins_to_count_anew_and_the_old_one_goes_on(home: Home) -> None:
    promote(home, "like")
    promote(home, "good")
    assert challenged(promote(home, "best")).number == 1
    assert (runs_of(home), runs_of(home, "0002-good")) == (["like", "good"], ["best"])
    roll_back(home, FIRST, now=NOW)
    assert challenged(promote(home, "bad")).number == 3


@pytest.mark.slow
def test_what_is_refused_before_the_comparison_is_no_challenge(tmp_path: Path) -> None:
    home = draw_champion(tmp_path, n_images=60, strength=1.2)
    draw_challenger(tmp_path, "few", n_images=60, strength=3.0)
    draw_challenger(tmp_path, "drawn", synthetic=True, strength=3.0)
    assert compared(promote(home, "few")).challenge is None
    assert promote(home, "drawn").decision == "refused"
    assert runs_of(home) == []


def test_repeated_promotion_is_the_same_challenge(home: Home) -> None:
    first = promote(home, "like")
    promote(home, "bad")
    forget(home, "like")
    again = promote(home, "like")
    assert (again.decision, again.reason) == (first.decision, first.reason)
    both = challenged(again), challenged(first)
    assert both[0].content() | {"spent": 0} == both[1].content() | {"spent": 0}
    assert both[0].spent == pytest.approx(LEVEL * 6 / math.pi**2 * 1.25)
    assert runs_of(home) == ["like", "bad"]


@pytest.mark.slow
def test_equal_run_under_another_name_is_the_same_challenge(home: Home) -> None:
    promote(home, "like")
    draw_challenger(home.root, "like-again", strength=1.3)
    assert challenged(promote(home, "like-again")).number == 1
    draw_challenger(home.root, "unlike", strength=1.31)
    assert challenged(promote(home, "unlike")).number == 2


class Killed(BaseException):
    """What stands for the end of the process."""


def test_killed_before_its_figures_a_challenge_is_counted_and_found_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: Any, **_kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(decision, "compare", killed)
        with pytest.raises(Killed):
            promote(home, "like")
    assert runs_of(home) == ["like"]
    assert challenged(promote(home, "bad")).number == 2
    assert challenged(promote(home, "like")).number == 1
    assert runs_of(home) == ["like", "bad"]


def test_other_level_keeps_the_number_and_spends_the_larger(tmp_path: Path) -> None:
    home = Home(tmp_path)
    draw_champion(tmp_path, n_images=80)

    def levels(kind: str) -> tuple[int, float, float]:
        with changing(home):
            found = register(home, FIRST, run_key="a", challenger="ab", kind=kind)
        return found.number, found.level, found.spent

    first = challenge_level_of(1, SPENT)
    assert levels(SPENT) == (1, first, first)
    assert levels(FIXED) == (1, LEVEL, LEVEL)
    assert levels(SPENT) == (1, first, LEVEL)
    assert len(challenges_of(home, FIRST)) == 1


def test_fixed_level_is_a_setting(home: Home) -> None:
    settings = {"source": "folder", "data": str(home.root), "challenge_level": FIXED}
    draw_challenger(home.root, "fixed", strength=1.2, settings=settings)
    promote(home, "like")
    record = promote(home, "fixed")
    assert challenged(record).level == LEVEL
    assert "Challenge 2 of this champion, decided at 5.0 % like every one." in record.reason
    brier = figures_of(record).brier
    assert brier.interval_at_level == brier.interval


def test_late_challenger_has_to_be_better_by_more(home: Home) -> None:
    """The good one is promoted at its first turn, and kept out at its five-hundredth."""
    shutil.copytree(home.root, home.root.with_name("other"))
    assert promote(home, "good").decision == "promoted"
    other = Home(home.root.with_name("other"))
    with changing(other):
        register(other, FIRST, run_key="run", challenger="0", kind=SPENT)
        [entry] = challenges_of(other, FIRST)
        earlier = [entry.model_copy(update={"challenger": f"{number}"}) for number in range(499)]
        write_history(other, history(other), challenges=earlier)
    late = promote(other, "good")
    assert challenged(late).number == 500
    brier = figures_of(late).brier
    assert (brier.interval or [])[0] > 0 > (brier.interval_at_level or [])[0]
    assert late.decision == "kept"
    assert "Not shown to be better" in late.reason


def test_runs_of_an_older_version_of_the_project_are_counted(home: Home) -> None:
    """Its pointer knows no challenges; promotions of runs that are still there do."""
    promote(home, "like")
    promote(home, "bad")
    pointer = home.champion / "champion.json"
    content = read_sealed(pointer)
    del content["challenges"]
    write_sealed(pointer, content)
    for key in ("like", "bad"):
        path = home.run(key).promote / "promote.json"
        record = read_sealed(path)
        del record["comparison"]["challenge"]
        write_sealed(path, record)
    assert runs_of(home) == ["bad", "like"]
    assert {entry.level for entry in challenges_of(home, FIRST)} == {LEVEL}
    forget(home, "like")
    assert challenged(promote(home, "like")).number == 2
    assert challenged(promote(home, "good")).number == 3
    assert runs_of(home) == ["bad", "like", "good"]


def test_lost_pointer_costs_no_challenge(home: Home) -> None:
    promote(home, "like")
    promote(home, "bad")
    before = read_json(home.champion / "champion.json")
    (home.champion / "champion.json").unlink()
    shutil.rmtree(home.run("like").root)
    restore_pointer(home, note=print)
    assert read_json(home.champion / "champion.json") == before
    (home.champion / "champion.json").unlink()
    (home.champion / "champion-copy.json").unlink()
    restore_pointer(home, note=print)
    assert runs_of(home) == ["bad"]


def test_challenge_changes_nothing_else_of_the_history(home: Home) -> None:
    before = history(home)
    promote(home, "like")
    assert history(home) == before


def test_interval_at_the_level_is_students() -> None:
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 40)
    champion, challenger = (rng.uniform(0.2, 0.8, 80) for _ in range(2))
    decisions = np.zeros(80, np.int64)
    contest = Contest(
        labels, np.arange(80), Answers(challenger, decisions), Answers(champion, decisions)
    )
    level = challenge_level_of(9, SPENT)
    brier = compare(contest, seed=3, level=level).brier
    gains = (champion - labels) ** 2 - (challenger - labels) ** 2
    error = math.sqrt(sum(gains[labels == each].var() for each in (0, 1)) / 40) / 2
    low, high = brier.interval_at_level or []
    margin = t.ppf(1 - level / 2, 78) * error
    assert (high + low) / 2 == pytest.approx(gains.mean())
    assert (high - low) / 2 == pytest.approx(margin, rel=0.06)  # 2,000 resamples
    assert compare(contest, seed=3).brier.interval_at_level == brier.interval


def test_better_needs_both_intervals_and_worse_only_one() -> None:
    def found(interval: list[float], at_level: list[float]) -> str:
        brier = filled(PairedFigure, interval=interval, interval_at_level=at_level)
        auc = filled(PairedFigure, interval=[-0.1, 0.1])
        return conclude(filled(ContestFigures, brier=brier, auc=auc))

    assert found([0.1, 0.3], [0.01, 0.4]) == "better"
    assert found([0.1, 0.3], [-0.01, 0.4]) == "not shown to be better"
    assert found([-0.01, 0.3], [0.01, 0.4]) == "not shown to be better"
    assert found([-0.3, -0.1], [-0.4, 0.01]) == "worse"


@pytest.mark.parametrize(
    ("level", "percent", "confidence"),
    [
        (0.05, "5.0 %", "95.0 %"),
        (0.0076, "0.76 %", "99.24 %"),
        (1.124e-5, "0.0011 %", "99.9989 %"),
        (0.11, "11 %", "89 %"),
        (0.0, "0 %", "100 %"),
    ],
)
def test_small_levels_have_two_digits(level: float, percent: str, confidence: str) -> None:
    assert percent_of(level) == percent
    if level:
        assert confidence_of(level) == confidence


def test_year_of_equal_challengers_costs_the_champion_at_a_fixed_level_only() -> None:
    """The rates in docs/champion.md are of more years; 6 tell a broken level from a whole one."""
    years = [simulate_year(seed=seed, n_weeks=30, n_groups=60, is_fresh=True) for seed in range(6)]
    assert sum(year[FIXED] for year in years) >= 1
    assert sum(year[SPENT] for year in years) <= 1


def test_gain_that_the_simulation_does_not_resample_is_not_promoted() -> None:
    rng = np.random.default_rng(4)
    labels, groups = np.tile([0, 1], 50), np.arange(100)
    decisions = np.zeros(100, np.int64)
    n_closed = 0
    for _ in range(60):
        first, second = (np.clip(rng.beta(2, 2, 100), 0.01, 0.99) for _ in range(2))
        contest = Contest(labels, groups, Answers(first, decisions), Answers(second, decisions))
        if standard_errors(contest) < 1.5:
            n_closed += 1
            assert conclude(compare(contest, seed=1)) != "better"
    assert n_closed > 40
