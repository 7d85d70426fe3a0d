"""The page of a run's note: what is said, by whom, and what becomes of a form."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cxr_tasks.runs.notes import make_note, note_file, read_note, write_note
from cxr_tasks.site.library import Library
from cxr_tasks.site.note_page import NoteForm
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from tests.policy import refused_scripts
from tests.site.shelf import BEGAN, put_run
from tests.stored import flip_bit

NOW = datetime.fromtimestamp(BEGAN, UTC) + timedelta(days=1)
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}\"'&"


@pytest.fixture
def site(home: Home, template: RunPaths) -> Site:
    put_run(home, template, "one")
    return Site(home, clock=NOW.timestamp)


def say(home: Home, text: str, *tags: str, by: str = "ann", now: datetime = NOW) -> None:
    write_note(home, "one", make_note(text, tags, by=by, through="Airflow", now=now))


def page(site: Site, *, may_write: bool = True) -> str:
    return str(site.note("one", base="/cxr", may_write=may_write).body)


def form(text: str = "Right.", tags: str = "a b", seen: str = "", by: str = "bob") -> NoteForm:
    return NoteForm(text, tags, seen, by)


def test_what_is_saved_is_shown_with_who_and_when_everywhere(site: Site, home: Home) -> None:
    assert "Nobody has said anything" in page(site)
    answer = site.note("one", base="/cxr", may_write=True, form=form("Right.", "good, ticket-4"))
    assert (answer.status, answer.headers["Location"]) == (303, "/cxr/runs/one/note")
    shown = page(site)
    assert "bob, 2026-01-02 00:00 UTC, through Airflow" in shown
    table = str(site.all_runs({"tag": "ticket-4"}, base="/cxr").body)
    assert 'href="/cxr/runs?tag=good"' in table.replace("&amp;", "&")
    assert 'title="bob, 2026-01-02T00:00:00+00:00">Right.' in table
    assert "No run matches" in str(site.all_runs({"tag": "other"}, base="/cxr").body)
    say(home, "Wrong.", by="ann")
    assert "Right." in page(site).partition("What it said before")[2]


def test_what_somebody_else_said_meanwhile_is_not_replaced(site: Site, home: Home) -> None:
    say(home, "Mine.")
    answer = site.note("one", base="/cxr", may_write=True, form=form("Yours.", seen=""))
    assert answer.status == 409
    assert "not the one that you have seen: ann changed it" in str(answer.body)
    assert "Mine." in str(answer.body)
    assert ">Yours.</textarea>" in str(answer.body)  # what was typed is not lost
    again = form("Yours.", seen=_seen(str(answer.body)))
    assert site.note("one", base="/cxr", may_write=True, form=again).status == 303


def _seen(shown: str) -> str:
    return shown.partition('name="seen" value="')[2].partition('"')[0]


def test_what_cannot_be_kept_comes_back_with_why(site: Site, home: Home) -> None:
    answer = site.note("one", base="/cxr", may_write=True, form=form(tags="<b>"))
    assert answer.status == 409
    assert "Tags that cannot be used" in str(answer.body)
    assert read_note(home, "one") is None


def test_a_reader_has_no_form(site: Site) -> None:
    assert "<textarea" in page(site)
    shown = page(site, may_write=False)
    assert "<textarea" not in shown
    assert "takes the right to edit runs" in shown


def test_text_is_shown_as_text(site: Site, home: Home) -> None:
    say(home, HOSTILE, by=HOSTILE)
    for shown in (page(site), str(site.all_runs({"q": "alert"}, base="/cxr").body)):
        assert refused_scripts(shown) == []
        assert "&lt;script&gt;alert(1)" in shown
        assert "49" not in shown.partition("<h1>")[2]


def test_a_note_of_an_earlier_run_of_the_name_is_told_as_such(site: Site, home: Home) -> None:
    say(home, "Of the first.", now=NOW - timedelta(days=30))
    assert "of an earlier run of the same name" in page(site)
    assert "Of the first." not in str(site.all_runs({}, base="/cxr").body)


def test_the_same_words_of_an_earlier_run_can_be_said_of_this_one(site: Site, home: Home) -> None:
    say(home, "Right.", now=NOW - timedelta(days=30))
    sent = form("Right.", "", seen=_seen(page(site)))
    assert site.note("one", base="/cxr", may_write=True, form=sent).status == 303
    assert "of an earlier run of the same name" not in page(site)


def test_a_notes_folder_that_is_a_link_serves_every_page(
    site: Site, home: Home, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.notes.symlink_to(tmp_path / "elsewhere")
    assert site.note("one", base="/cxr", may_write=True, form=form("Here.")).status == 303
    assert "Here." in page(site)
    assert "Here." in str(site.all_runs({}, base="/cxr").body)
    assert "Here." in str(site.all_runs_csv({}).body)


def test_what_joins_letters_stays_in_the_table(site: Site, home: Home) -> None:
    say(home, "\u0645\u06cc\u200c\u062e\ttab\u3000wide")
    assert "\u0645\u06cc\u200c\u062e tab wide" in str(site.all_runs({}, base="/cxr").body)


def test_a_damaged_note_is_told_and_hides_no_run(site: Site, home: Home) -> None:
    say(home, "Right.")
    flip_bit(note_file(home, "one"))
    assert "The note of one is damaged" in page(site)
    assert "/cxr/runs/one" in str(site.all_runs({}, base="/cxr").body)


def test_where_nothing_can_be_written_the_page_says_what_to_do(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write whatever its rights
    shown = page(site)
    assert "is read-only for this server" in shown
    assert "docs/cluster.md" in shown
    assert "<textarea" not in shown


def test_no_run_has_no_note(site: Site) -> None:
    for key in ("two", "..", "a\0"):
        assert site.note(key, base="/cxr", may_write=True).status == 404
        assert site.note(key, base="/cxr", may_write=True, form=form()).status == 404


@pytest.mark.usefixtures("site")
def test_a_change_is_seen_and_what_is_no_note_is_passed_over(home: Home) -> None:
    library = Library(home)
    say(home, "First.")
    assert [run.said and run.said.text for run in library.runs()] == ["First."]
    say(home, "Second.")
    (home.notes / "a note").write_text("")
    (home.notes / "..json").write_text("")
    (home.notes / "two.json").symlink_to(home.run("one").config)
    assert [run.said and run.said.text for run in library.runs()] == ["Second."]
    say(home, "")
    assert library.runs()[0].said is None
