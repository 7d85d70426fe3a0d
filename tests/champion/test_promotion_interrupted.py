"""Promotions that were killed, repeated or tried by two at once: each happens once and whole."""

import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest

from cxr_tasks.champion import promotion
from cxr_tasks.champion.pointer import history, serving
from cxr_tasks.champion.promotion_record import PromotionFacts, PromotionRecord
from cxr_tasks.champion.restoring import roll_back
from cxr_tasks.champion.versions import require_champion, versions
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import NOW, compared, promote, versions_on_disk


def check_promoted_once(home: Home, record: PromotionRecord) -> None:
    assert (record.decision, record.version) == ("promoted", "0002-best")
    assert record.champion_before == "0001-first"
    assert record.reason.startswith("Better than 0001-first.")
    assert compared(record).n_same_image == 160
    assert versions_on_disk(home) == versions(home) == ["0001-first", "0002-best"]
    actions = [(entry.action, entry.version, entry.before) for entry in history(home)]
    assert actions == [("promoted", "0001-first", None), ("promoted", "0002-best", "0001-first")]
    assert serving(home) == "0002-best"
    assert (home.run("best").promote / "pairs.csv").exists()
    assert require_champion(home).record.decision_reason == record.reason


class Killed(BaseException):
    """What stands for the end of the process."""


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize("step", ["decide", "make_version", "serve"])
def test_try_that_ended_anywhere_is_gone_on_with(
    step: str, where: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = getattr(promotion, step)

    def killed(*args: Any, **kwargs: Any) -> None:
        if where == "behind":
            work(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(promotion, step, killed)
        with pytest.raises(Killed):
            promote(home, "best")
    assert not home.run("best").promote.exists()
    check_promoted_once(home, promote(home, "best"))


@pytest.mark.parametrize("step", ["make_version", "serve"])
def test_killed_process_is_gone_on_with(step: str, home: Home) -> None:
    assert killed_behind(step, home, "best")
    assert serving(home) == ("0002-best" if step == "serve" else "0001-first")
    check_promoted_once(home, promote(home, "best"))


@pytest.mark.slow
def test_retry_leaves_no_version_where_another_was_faster(home: Home) -> None:
    assert killed_behind("make_version", home, "good")
    assert promote(home, "best").version == "0003-best"
    record = promote(home, "good")
    assert (record.decision, record.champion_before) == ("refused", "0003-best")
    assert versions_on_disk(home) == ["0001-first", "0003-best"]


def test_finished_promotion_is_told_again_and_not_repeated(home: Home) -> None:
    first = promote(home, "best")
    shutil.rmtree(home.run("best").promote)
    again = promote(home, "best")
    assert again.only(PromotionFacts) == first.only(PromotionFacts)
    check_promoted_once(home, again)


def test_rollback_is_not_undone_by_the_run_that_was_rolled_back(home: Home) -> None:
    promote(home, "best")
    roll_back(home, None, now=NOW)
    shutil.rmtree(home.run("best").promote)
    promote(home, "best")
    assert serving(home) == "0001-first"


@pytest.mark.slow
def test_two_at_once_take_turns(home: Home) -> None:
    both = [subprocess.Popen(command(home, key)) for key in ("good", "best")]
    assert [process.wait(200) for process in both] == [0, 0]
    decisions = {
        key: read_json(home.run(key).promote / "promote.json")["decision"]
        for key in ("good", "best")
    }
    assert decisions["best"] == "promoted"
    assert decisions["good"] in ("promoted", "refused")
    entries = history(home)
    befores = [None, *(entry.version for entry in entries[:-1])]
    assert [entry.before for entry in entries] == befores
    assert serving(home) == entries[-1].version
    assert require_champion(home).record.run_key == "best"
    assert versions_on_disk(home) == [entry.version for entry in entries]


def command(home: Home, key: str, *step: str) -> list[str]:
    return [sys.executable, "-m", "tests.champion.drawn_champion", str(home.root), key, *step]


def killed_behind(step: str, home: Home, key: str) -> bool:
    ended = subprocess.run(command(home, key, step), check=False, timeout=200)
    return ended.returncode == -signal.SIGKILL


def test_version_and_promotion_damaged_together_are_made_again(home: Home) -> None:
    first = promote(home, "best")
    for path in (home.run("best").promote / "promote.json", home.champion / "0002-best"):
        path = path / "version.json" if path.is_dir() else path
        path.write_text("{", encoding="utf-8")
    again = promote(home, "best")
    assert (again.version, again.reason) == (first.version, first.reason)
    assert require_champion(home).name == "0002-best"
