"""The page of a run's note: what is said of it, its history, and the form that changes it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cxr_tasks.errors import ArtifactError, ConfigError, CxrError, first_few, shown
from cxr_tasks.runs.notes import (
    MAX_TAGS,
    MAX_TEXT,
    NoteRecord,
    make_note,
    read_note,
    split_tags,
    write_note,
)
from cxr_tasks.site.answer import Answer, fill
from cxr_tasks.site.note_facts import is_of_earlier_run
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.volume.paths import Home

READ_ONLY = ArtifactError(
    "Notes cannot be written here: $CXR_HOME/notes is read-only for this server.",
    "A note is a file there, which the server has to be able to write.",
    "Mount that folder writable for the API server (docs/cluster.md), or write the note in a "
    "terminal: python -m cxr_tasks note RUN TEXT.",
)


@dataclass(frozen=True)
class NoteForm:
    """What a signed-in person has sent."""

    text: str
    tags: str
    seen: str  # the version that they have changed
    by: str
    refused: CxrError | None = None  # why it is not to be saved


FIELDS = ("text", "tags", "seen")
"""Of the form."""


def read_note_form(sent: Mapping[str, list[str]], *, by: str) -> NoteForm:
    """Read what was sent as the form; what has not each of its fields once is refused.

    An empty note says that one was taken away: what was sent by something else must not become one.
    """
    text, tags, seen = (sent.get(name, [""])[-1] for name in FIELDS)
    unknown = [f"{shown(name, 40)} is unknown" for name in sent if name not in FIELDS]
    counts = {name: len(sent.get(name, [])) for name in FIELDS}
    amiss = [f"{name} stands there {n} times" for name, n in counts.items() if n != 1]
    refused = ConfigError(
        f"This is no form of a note: {first_few([*unknown, *amiss])}.",
        f"It has the fields {', '.join(FIELDS)}, each once, as a browser sends them.",
        "Load the page again, and save from there. In a terminal: python -m cxr_tasks note.",
    )
    return NoteForm(text, tags, seen, by, refused if unknown or amiss else None)


@dataclass(frozen=True)
class NotePage:
    """The page of one run's note."""

    home: Home
    run: RunFacts
    base: str
    may_write: bool  # whether this person may

    def answer(self, form: NoteForm | None = None, problem: CxrError | None = None) -> Answer:
        """Return the page; with a form that was not saved, and why."""
        try:
            note = read_note(self.home, self.run.key)
        except CxrError as err:
            note, problem = None, problem or err
        if problem is None and self.may_write and not _is_writable(self.home):
            problem = READ_ONLY
        page = fill(
            "note.html.j2",
            self.base,
            here="runs",
            run=self.run,
            note=note,
            is_earlier=note is not None and is_of_earlier_run(note, self.run),
            form=form or self._form_of(note),
            problem=problem,
            may_write=self.may_write and problem is not READ_ONLY,
            max_text=MAX_TEXT,
            max_tags=MAX_TAGS,
        )
        if form is None:
            return Answer(page)
        return Answer(page, 400 if form.refused else 409)

    def saved(self, form: NoteForm, *, now: float) -> Answer:
        """Save what was sent; where that cannot be, the page comes again with what was typed."""
        if form.refused:
            return self.answer(form, form.refused)
        try:
            note = make_note(
                form.text,
                split_tags(form.tags),
                by=form.by,
                through="Airflow",
                now=datetime.fromtimestamp(now, UTC),
            )
            before = read_note(self.home, self.run.key)
            is_anew = before is not None and is_of_earlier_run(before, self.run)
            write_note(self.home, self.run.key, note, seen=form.seen, is_anew=is_anew)
        except CxrError as err:
            return self.answer(form, err)
        return Answer("", 303, extra={"Location": f"{self.base}/runs/{self.run.key}/note"})

    def _form_of(self, note: NoteRecord | None) -> NoteForm:
        if note is None:
            return NoteForm("", "", "", "")
        if is_of_earlier_run(note, self.run):
            return NoteForm("", "", note.version, "")
        return NoteForm(note.text, " ".join(note.tags), note.version, "")


def _is_writable(home: Home) -> bool:
    """Return whether a note can be written, as far as that can be told without writing one."""
    places = (home.notes, *home.notes.parents)
    place = next(path for path in places if os.path.exists(path))  # noqa: PTH110 - of any right
    return os.access(place, os.W_OK)
