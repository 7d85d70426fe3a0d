"""A person's approval before a promotion: asked only where it matters, held to, kept in history."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cxr_tasks.champion import approval
from cxr_tasks.champion.approval import answer_approval, find_approval, report_digest
from cxr_tasks.champion.approval_record import ApprovalRecord
from cxr_tasks.champion.challenges import challenges
from cxr_tasks.champion.describe import describe_champion
from cxr_tasks.champion.pointer import history, serving
from cxr_tasks.champion.proposal import propose
from cxr_tasks.champion.question import describe_approval, question_of
from cxr_tasks.champion.restoring import restore_pointer, roll_back
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.cli.main import main
from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.stages import assessment
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import (
    NOW,
    draw_challenger,
    draw_champion,
    promote,
    refuse_to_score,
)

WHO, WHY = "ada", "looked at all errors"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion, a run that is better and one that is not; both ask a person."""
    root = tmp_path_factory.mktemp("asking")
    asking = {"approval": True, "source": "folder", "data": str(root)}
    draw_champion(root, strength=1.0)
    draw_challenger(root, "best", strength=3.9, settings=asking)
    draw_challenger(root, "bad", strength=0.5, settings=asking)
    return root


@pytest.fixture
def home(asking: Path, tmp_path: Path) -> Home:
    shutil.copytree(asking, tmp_path / "home")
    return Home(tmp_path / "home")


def ask(home: Home, key: str = "best") -> ApprovalRecord | None:
    run, config = open_run(home, key)
    return propose(run, config, score=refuse_to_score, now=NOW, note=lambda _: None)


def answer(home: Home, how: Any, key: str = "best") -> None:
    answer_approval(home.run(key), asked_of(home, key), how, by=WHO, reason=WHY, now=NOW)


def asked_of(home: Home, key: str = "best") -> str:
    """Return the question that is open or answered; another one where there is none."""
    found = find_approval(home.run(key))
    return found.question if found else "0" * 12


def ask_and_reject(home: Home) -> None:
    ask(home)
    answer(home, "rejected")


def test_without_an_answer_nothing_is_promoted(home: Home) -> None:
    record = promote(home, "best")
    assert (record.decision, record.approval, record.version) == ("kept", None, None)
    assert "Nobody has approved it" in record.reason
    assert serving(home) == "0001-first"


def test_an_approval_stands_in_record_history_version_and_text(home: Home) -> None:
    asked = ask(home)
    assert asked is not None
    assert asked.report_sha256 == report_digest(home.run("best"))
    answer(home, "approved")
    record = promote(home, "best")
    assert record.decision == "promoted"
    assert f"Approved by {WHO} on {NOW.isoformat()} ({WHY})." in record.reason
    given = record.approval
    assert given is not None
    assert (given.answer, given.by, given.reason) == ("approved", WHO, WHY)
    assert given.report_sha256 == asked.report_sha256
    assert history(home)[-1].approval == require_champion(home).record.approval == given
    assert history(home)[0].approval is None
    told = describe_champion(home)
    assert f"Approved by {WHO}" in told
    assert asked.report_sha256 in told
    card = (home.champion / "0002-best" / "model_card.md").read_text()
    assert asked.report_sha256 in card


def test_a_lost_pointer_is_put_together_with_its_approvals(home: Home) -> None:
    ask(home)
    answer(home, "approved")
    promote(home, "best")
    before = history(home)
    for path in home.champion.glob("champion*.json"):
        path.unlink()
    restore_pointer(home, note=lambda _: None)
    assert [entry.approval for entry in history(home)] == [entry.approval for entry in before]


@pytest.mark.parametrize(
    ("how", "told"), [("rejected", f"Rejected by {WHO}"), ("expired", "Nobody had answered by")]
)
def test_what_is_not_approved_is_kept_and_says_why(home: Home, how: str, told: str) -> None:
    ask(home)
    answer(home, how)
    record = promote(home, "best")
    assert record.decision == "kept"
    assert record.reason.startswith(told)
    assert "Without that: Better than 0001-first." in record.reason
    assert record.approval is not None
    assert record.approval.answer == how
    assert serving(home) == "0001-first"


def test_nobody_is_asked_about_a_model_that_would_not_be_promoted(home: Home) -> None:
    assert ask(home, "bad") is None
    assert find_approval(home.run("bad")) is None
    assert promote(home, "bad").decision == "refused"


def test_nobody_is_asked_twice_about_a_model_that_was_promoted(home: Home) -> None:
    ask(home)
    answer(home, "approved")
    promote(home, "best")
    roll_back(home, None, now=NOW)
    assert ask(home) is None
    given = find_approval(home.run("best"))
    assert given is not None
    assert given.answer is not None


def test_asking_and_promoting_are_one_challenge(home: Home) -> None:
    ask(home)
    ask(home)
    answer(home, "approved")
    promote(home, "best")
    assert [entry.run for entry in challenges(home)] == ["best"]


@contextmanager
def changed(_home: Home) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approval, "report_digest", lambda _run: "0" * 64)
        yield


def test_an_approval_does_not_hold_for_another_report(home: Home) -> None:
    ask(home)
    answer(home, "approved")
    with changed(home):
        record = promote(home, "best")
    assert record.decision == "refused"
    assert "Its report is not the one that was approved" in record.reason
    assert serving(home) == "0001-first"


def test_an_approval_does_not_hold_against_another_champion(home: Home) -> None:
    ask(home)
    draw_challenger(home.root, "other", strength=2.0)
    assert promote(home, "other").decision == "promoted"
    answer(home, "approved")
    record = promote(home, "best")
    assert record.decision != "promoted"
    assert serving(home) == "0002-other"
    assert record.approval is not None
    assert "in place of 0001-first, but 0002-other serves now" in record.reason


def test_the_question_says_what_is_at_stake(home: Home) -> None:
    asked = ask(home)
    assert asked is not None
    question = question_of(home.run("best"), asked, link="dags/x")
    assert question.subject == (
        "Shall MobileNetV2 frozen of run best serve, in place of 0001-first?"
    )
    for part in ("**Audit:**", "accuracy", "AUC", "0001-first", asked.report_sha256, "(dags/x)"):
        assert part in question.body
    assert "Nobody has answered" in describe_approval(home.run("best"))


@pytest.mark.parametrize(
    ("before", "by", "reason", "told"),
    [
        (lambda _home: None, WHO, WHY, "Nothing is asked about the run 'best'"),
        (ask, WHO, "  ", "without a reason"),
        (ask, "a\nb", WHY, "cannot sign"),
        (ask_and_reject, WHO, WHY, f"has an answer: rejected by {WHO}"),
    ],
)
def test_an_answer_needs_an_open_question_a_name_and_a_reason(
    home: Home, before: Callable[[Home], Any], by: str, reason: str, told: str
) -> None:
    before(home)
    kept = find_approval(home.run("best"))
    with pytest.raises(ConfigError, match=told):
        answer_approval(home.run("best"), asked_of(home), "approved", by=by, reason=reason, now=NOW)
    assert find_approval(home.run("best")) == kept


def test_an_answer_is_to_the_question_that_was_read(home: Home) -> None:
    ask(home)
    read = asked_of(home)
    draw_challenger(home.root, "other", strength=2.0)
    promote(home, "other")
    ask(home)
    with pytest.raises(ConfigError, match=f"not '{read}'"):
        answer_approval(home.run("best"), read, "approved", by=WHO, reason=WHY, now=NOW)
    asked = find_approval(home.run("best"))
    assert asked is not None
    assert (asked.champion, asked.answer) == ("0002-other", None)


def test_of_two_answers_at_once_one_counts(home: Home) -> None:
    ask(home)
    run, question, refused = home.run("best"), asked_of(home), []

    def answered(how: Any) -> None:
        try:
            answer_approval(run, question, how, by=how, reason=WHY, now=NOW)
        except ConfigError:
            refused.append(how)

    ways = ["approved", "rejected"] * 8
    threads = [Thread(target=answered, args=[how]) for how in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == len(ways) - 1


def test_asking_again_keeps_what_was_answered(home: Home) -> None:
    ask_and_reject(home)
    first = find_approval(home.run("best"))
    assert first is not None
    ask(home)
    again = find_approval(home.run("best"))
    assert again is not None
    assert (again.answer, again.earlier) == (None, [first.answer])
    question = again.question
    ask(home)
    assert asked_of(home) == question  # asked twice without an answer, it is the same


def test_a_question_is_withdrawn_when_it_has_become_idle(home: Home) -> None:
    ask(home)
    draw_challenger(home.root, "other", strength=6.0)
    promote(home, "other")
    assert ask(home) is None
    asked = find_approval(home.run("best"))
    assert asked is not None
    assert asked.answer is not None
    assert asked.answer.answer == "withdrawn"
    assert "the question was withdrawn" in describe_approval(home.run("best"))


def test_a_run_is_approved_on_the_command_line(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its images are not read: those that count were scored before."""
    monkeypatch.setattr(assessment, "_scorer", lambda _context: refuse_to_score)
    command = ["approval", "--home", str(home.root), "--run", "best"]
    assert main([*command, "--ask"]) == 0
    question = asked_of(home)
    assert f"--approve {question} --reason TEXT" in capsys.readouterr().out
    assert main([*command, "--approve", question]) == 2
    assert "without a reason" in capsys.readouterr().err
    assert main(command) == 0  # looking decides nothing
    assert serving(home) == "0001-first"
    assert main([*command, "--approve", question, "--reason", WHY, "--by", "ada"]) == 0
    assert serving(home) == "0002-best"
    assert "approved by ada (command line) on" in capsys.readouterr().out
    assert main(["approval", "--home", str(home.root), "--run", "first"]) == 2
    assert "asks nobody" in capsys.readouterr().err
