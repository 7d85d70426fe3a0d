"""Notes on runs: signed, limited, never lost, never replaced unseen."""

import getpass
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.errors import ArtifactError, ConfigError, DamagedError
from cxr_tasks.runs.notes import (
    MAX_TAGS,
    MAX_TEXT,
    MAX_VERSIONS,
    NoteVersion,
    make_note,
    note_file,
    read_note,
    split_tags,
    write_note,
)
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.size import weigh
from cxr_tasks.wording import told
from tests.stored import change_record, flip_bit

NOW = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
LATER = NOW.timestamp() + 86_400


def said(text: str = "Looks right.", *tags: str, by: str = "ann") -> NoteVersion:
    return make_note(text, tags, by=by, through="Airflow", now=NOW)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_note_is_read_as_it_was_written_with_who_and_when(home: Home) -> None:
    assert read_note(home, "one") is None
    write_note(home, "one", said("Looks\r\nright.", "baseline", "ticket-4"))
    note = read_note(home, "one")
    assert note is not None
    assert (note.text, note.tags) == ("Looks\nright.", ["baseline", "ticket-4"])
    assert (note.by, note.at, note.through) == ("ann", "2026-02-01T09:30:00+00:00", "Airflow")
    assert (note.run_key, note.earlier) == ("one", [])


def test_every_earlier_version_is_kept(home: Home) -> None:
    for number in range(4):
        write_note(home, "one", said(f"Version {number}", by=f"person-{number}"))
    note = read_note(home, "one")
    assert note is not None
    assert [(each.text, each.by) for each in note.earlier] == [
        (f"Version {number}", f"person-{number}") for number in range(3)
    ]


def test_saying_the_same_again_changes_nothing(home: Home) -> None:
    write_note(home, "one", said("Same", "a"))
    before = note_file(home, "one").read_bytes()
    write_note(home, "one", said("Same", "a", by="bob"))
    assert note_file(home, "one").read_bytes() == before


def test_nobodys_words_are_replaced_unseen(home: Home) -> None:
    write_note(home, "one", said("First"), seen="")
    first = read_note(home, "one")
    assert first is not None
    write_note(home, "one", said("Second", by="bob"), seen=first.version)
    with pytest.raises(ConfigError, match="bob changed it") as caught:
        write_note(home, "one", said("Third"), seen=first.version)
    assert caught.value.remedy
    with pytest.raises(ConfigError, match="not the one that you have seen"):
        write_note(home, "one", said("Third"), seen="")
    note = read_note(home, "one")
    assert note is not None
    assert note.text == "Second"


def test_many_at_once_lose_nothing(home: Home) -> None:
    texts = [f"Note {number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda text: write_note(home, "one", said(text)), texts))
    note = read_note(home, "one")
    assert note is not None
    assert sorted(each.text for each in (note, *note.earlier)) == sorted(texts)
    assert not list(home.notes.glob("*.writing-*"))


@pytest.mark.parametrize(
    ("text", "tags", "by", "problem"),
    [
        ("x" * (MAX_TEXT + 1), [], "ann", "cannot be kept"),
        ("a\0b", [], "ann", "cannot be kept"),
        ("\u202egnp.a", [], "ann", "cannot be kept"),
        ("\ud800", [], "ann", "cannot be kept"),
        ("", ["a b"], "ann", "Tags that cannot be used"),
        ("", ["<b>"], "ann", "Tags that cannot be used"),
        ("", ["=1+1"], "ann", "Tags that cannot be used"),
        ("", ["x" * 41], "ann", "Tags that cannot be used"),
        ("", [f"t{n}" for n in range(MAX_TAGS + 1)], "ann", "are too many"),
        ("", [], "  ", "cannot sign"),
        ("", [], "a\nb", "cannot sign"),
        ("", [], "x" * 121, "cannot sign"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_to_do(
    text: str, tags: list[str], by: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        make_note(text, tags, by=by, through="Airflow", now=NOW)
    assert caught.value.rule
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\u202eb", "character 2 is U\\+202E, RIGHT-TO-LEFT OVERRIDE"),
        ("\u200bword", "character 1 is U\\+200B, ZERO WIDTH SPACE"),
        ("ab\ud800", "character 3 is U\\+D800, which has no name"),
        ("a\x1b[2J", "character 2 is U\\+001B, which has no name"),
    ],
)
def test_a_character_that_cannot_be_seen_is_named(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        said(text)


@pytest.mark.parametrize(
    "text",
    [
        "no\u00a0break",
        "a\ttab",
        "wide\u3000space",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\u2764\ufe0f",
    ],
)
def test_blanks_and_joiners_that_people_type_are_kept_and_shown_as_such(text: str) -> None:
    assert said(text).text == text
    assert told(text) == " ".join(text.split())


def test_a_copy_of_another_runs_note_is_damaged(home: Home) -> None:
    write_note(home, "one", said())
    shutil.copy(note_file(home, "one"), note_file(home, "two"))
    with pytest.raises(DamagedError, match="it was written for the run 'one'"):
        read_note(home, "two")


@pytest.mark.parametrize("goal", ["one.json", "nothing"])
def test_a_note_that_is_a_link_is_damaged_and_not_replaced(home: Home, goal: str) -> None:
    write_note(home, "one", said())
    path = note_file(home, "two")
    path.symlink_to(home.notes / goal)
    with pytest.raises(DamagedError, match="no file of its own"):
        write_note(home, "two", said("New"))
    assert path.is_symlink()


def test_a_note_that_may_not_be_read_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_note(home, "one", said())

    def refuse(*_args: object, **_options: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read whatever its rights
    with pytest.raises(ArtifactError, match="may not be read here") as caught:
        read_note(home, "one")
    assert not isinstance(caught.value, DamagedError)


def test_nobody_signs_what_was_said_of_an_earlier_run_of_the_name(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    start_run(make_config({}), home, "one", note=lambda _: None)
    write_note(home, "one", said("Do not use.", "bad"))
    os.utime(home.run("one").config, (LATER, LATER))  # a run of the name was started since
    asked = ["note", "one", "--home", str(home.root)]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Nobody has said anything of one.\nOf an earlier run of the same name")
    assert main([*asked, "--tags", "good"]) == 0
    note = read_note(home, "one")
    assert note is not None
    assert (note.text, note.tags, note.earlier[0].text) == ("", ["good"], "Do not use.")


def test_the_same_words_of_an_earlier_run_are_signed_again(home: Home) -> None:
    write_note(home, "one", said("Same"))
    write_note(home, "one", said("Same", by="bob"), is_anew=True)
    note = read_note(home, "one")
    assert note is not None
    assert (note.by, len(note.earlier)) == ("bob", 1)


def test_tags_are_parted_by_blanks_and_commas_and_count_once() -> None:
    assert split_tags(" a, b,,c\nd ") == ["a", "b", "c", "d"]
    assert said("", "a", "b", "a").tags == ["a", "b"]


@pytest.mark.parametrize("key", ["..", "../one", "", ".lock", "a/b", "a\0"])
def test_a_name_that_is_no_runs_is_refused(home: Home, key: str) -> None:
    with pytest.raises(ConfigError):
        write_note(home, key, said())
    assert weigh(home.root).n_bytes == 0


def test_a_damaged_note_is_told_and_not_overwritten(home: Home) -> None:
    write_note(home, "one", said())
    path = note_file(home, "one")
    flip_bit(path)
    before = path.read_bytes()
    with pytest.raises(DamagedError, match="The note of one is damaged") as caught:
        read_note(home, "one")
    assert "move it away" in caught.value.remedy
    with pytest.raises(DamagedError, match="The note of one is damaged"):
        write_note(home, "one", said("New"))
    assert path.read_bytes() == before


def test_a_note_that_changes_for_ever_is_refused_at_last(home: Home) -> None:
    write_note(home, "one", said("Now"))
    earlier = [said("Before").content()] * MAX_VERSIONS
    change_record(note_file(home, "one"), earlier=earlier)
    with pytest.raises(ConfigError, match=f"changed {MAX_VERSIONS + 1} times"):
        write_note(home, "one", said("Once more"))


def test_a_place_that_cannot_be_written_says_so(home: Home) -> None:
    home.notes.write_text("a file where the folder should be")
    with pytest.raises(ArtifactError, match="Notes cannot be written here") as caught:
        write_note(home, "one", said())
    assert "docs/cluster.md" in caught.value.remedy
    assert str(home.root) not in str(caught.value)


def test_the_command_writes_and_prints_a_note(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    start_run(make_config({}), home, "one", note=lambda _: None)
    asked = ["note", "one", "--home", str(home.root)]
    assert main(asked) == 0
    assert "Nobody has said anything of one." in capsys.readouterr().out
    assert main([*asked[:2], "Looks right.", *asked[2:], "--tags", "a,b"]) == 0
    assert main([*asked, "--tags", "c", "--by", "Bob"]) == 0
    shown = capsys.readouterr().out
    assert "tags: c\nLooks right.\nBob, " in shown
    assert "through the command line" in shown
    note = read_note(home, "one")
    assert note is not None
    assert [(each.by, each.tags) for each in note.earlier] == [(getpass.getuser(), ["a", "b"])]
    assert main(["note", "two", "--home", str(home.root)]) == 2
    assert "There is no run 'two'" in capsys.readouterr().err
