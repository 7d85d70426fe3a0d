"""What people say of a run: a note and tags, signed, each earlier version kept.

They lie beside the runs (`$CXR_HOME/notes`), so that a server may write there and nowhere else,
and stay when a run is deleted.
"""

import re
import stat
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from cxr_tasks.errors import ArtifactError, ConfigError, DamagedError, first_few, shown
from cxr_tasks.volume.files import digest_of, remove_leftovers
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home, check_run_key
from cxr_tasks.volume.record_model import (
    Facts,
    SealedRecord,
    read_sealed_record,
    write_sealed_record,
)
from cxr_tasks.wording import first_unseen

MAX_TEXT, MAX_TAG, MAX_TAGS, MAX_NAME = 4000, 40, 12, 120
"""Characters of a note, of a tag and of a person's name; tags of a run."""

MAX_VERSIONS = 500
"""Of one note; all of them are read with it."""

_TAG = re.compile(rf"\w[\w.:+-]{{0,{MAX_TAG - 1}}}")

Through = Literal["Airflow", "the command line"]


class NoteVersion(Facts):
    """What was said of a run at one time."""

    text: str
    tags: list[str]
    by: str
    """Who signed it: the user of Airflow or, in a terminal, of the system."""
    through: Through
    """Who vouches for that name."""
    at: str
    """ISO 8601."""

    @property
    def version(self) -> str:
        """Identify it, so that whoever changes it can say what they have seen."""
        return digest_of(self.only(NoteVersion).content())[:16]


class NoteRecord(NoteVersion, SealedRecord):
    """A run's note as it is now, and all that it was before, the oldest first."""

    run_key: str
    earlier: list[NoteVersion]


def note_file(home: Home, run_key: str) -> Path:
    """Return the place of a run's note.

    Raises:
        ConfigError: The name could not be a run's.
    """
    return home.notes / f"{check_run_key(run_key)}.json"


def read_note(home: Home, run_key: str) -> NoteRecord | None:
    """Read a run's note; None where there is none.

    Raises:
        ArtifactError: It is damaged, or a newer version of the project wrote it.
    """
    path = note_file(home, run_key)
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise _unreadable(path) from err
    if not stat.S_ISREG(status.st_mode):
        raise _damaged(path, "it is no file of its own.")
    try:
        record = read_sealed_record(path, NoteRecord)
    except DamagedError as err:
        if isinstance(err.__cause__, PermissionError):
            raise _unreadable(path) from err
        raise _damaged(path, err.problem) from err
    if record.run_key != run_key:
        raise _damaged(path, f"it was written for the run {shown(record.run_key)}.")
    return record


def write_note(
    home: Home, run_key: str, note: NoteVersion, *, seen: str | None = None, is_anew: bool = False
) -> None:
    """Write what a person says of a run; what was said before stays in its history.

    Saying the same again writes nothing.

    Args:
        home: The shared volume.
        run_key: The run; whether there is one is not looked at.
        note: As `make_note` returns it.
        seen: `version` of the note that it changes, empty for none; None to change any.
        is_anew: Whether what is there was said of an earlier run of the name: then the same words
            are signed again.

    Raises:
        ConfigError: Somebody else changed it meanwhile, or it has changed too often.
        ArtifactError: The note is damaged, or its place cannot be written.
    """
    path = note_file(home, run_key)
    try:
        with locked(home.notes / ".lock"):
            before = read_note(home, run_key)
            _check_seen(before, seen)
            is_same = before and (before.text, before.tags) == (note.text, note.tags)
            if is_same and not is_anew:
                return
            remove_leftovers(path)
            write_sealed_record(path, _next(run_key, before, note))
    except OSError as err:
        raise _unwritable(err) from err


def make_note(
    text: str, tags: Sequence[str], *, by: str, through: Through, now: datetime
) -> NoteVersion:
    """Check what a person says, and sign it.

    Raises:
        ConfigError: It is too long, or has characters that nobody could see.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > MAX_TEXT:
        raise ConfigError(
            f"The note {shown(text, 60)} ({len(text)} characters) cannot be kept.",
            f"A note has at most {MAX_TEXT} characters.",
            "Shorten it.",
        )
    if char := first_unseen(text):
        raise ConfigError(
            f"The note {shown(text, 60)} cannot be kept: its character {text.index(char) + 1} is "
            f"U+{ord(char):04X}, {unicodedata.name(char, 'which has no name')}.",
            "Nobody could see such a character, or it would turn the text beside it around.",
            "Leave it out: where it was pasted, type those words anew.",
        )
    return NoteVersion(
        text=text,
        tags=_checked_tags(tags),
        by=check_name(by),
        through=through,
        at=now.isoformat(timespec="seconds"),
    )


def split_tags(text: str) -> list[str]:
    """Part tags that were typed in one line, between commas or blanks."""
    return [tag for tag in re.split(r"[,\s]+", text) if tag]


def is_tag(text: str) -> bool:
    """Return whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None


def _checked_tags(tags: Sequence[str]) -> list[str]:
    unusable = [shown(tag, MAX_TAG) for tag in tags if not is_tag(tag)]
    unique = list(dict.fromkeys(tags))
    if unusable or len(unique) > MAX_TAGS:
        raise ConfigError(
            f"Tags that cannot be used: {first_few(unusable)}."
            if unusable
            else f"{len(unique)} tags are too many.",
            f"A run has at most {MAX_TAGS} tags, each of letters, digits and . : + - _, beginning "
            f"with a letter or digit, of at most {MAX_TAG} characters.",
            "Correct them; what needs more words belongs into the note.",
        )
    return unique


def check_name(by: str) -> str:
    """Return a person's name as it signs what is kept.

    Raises:
        ConfigError: It is empty, too long, or has characters that nobody could see.
    """
    name = by.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ConfigError(
            f"{shown(by, 60)} cannot sign anything.",
            f"What a person says is signed with a name of one line, of 1 to {MAX_NAME} characters.",
            "Sign in under such a name; in a terminal give --by NAME.",
        )
    return name


def _check_seen(before: NoteRecord | None, seen: str | None) -> None:
    if seen is None or seen == (before.version if before else ""):
        return
    by = f"{before.by} changed it on {before.at}" if before else "it was taken away"
    raise ConfigError(
        f"The note is not the one that you have seen: {by}.",
        "Nobody's words are replaced unseen.",
        "Read what it says now, and save again.",
    )


def _next(run_key: str, before: NoteRecord | None, note: NoteVersion) -> NoteRecord:
    earlier = [*before.earlier, before.only(NoteVersion)] if before else []
    if len(earlier) >= MAX_VERSIONS:
        raise ConfigError(
            f"The note of {run_key} has changed {len(earlier)} times.",
            f"A note keeps all its versions, at most {MAX_VERSIONS}.",
            f"Move $CXR_HOME/notes/{run_key}.json elsewhere to begin anew.",
        )
    return NoteRecord(**note.fields_of(NoteVersion), run_key=run_key, earlier=earlier)


def _damaged(path: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"The note of {path.stem} is damaged: {reason}",
        "A note is replaced in one step, with all its earlier versions, and never changed.",
        f"Restore {path.name} in $CXR_HOME/notes from a backup, or move it away to begin anew.",
    )


def _unreadable(path: Path) -> ArtifactError:
    return ArtifactError(
        f"The note of {path.stem} may not be read here.",
        "A note is a file in $CXR_HOME/notes, which this process has to be able to read.",
        f"Let its user read {path.name} there: with chmod, or by who owns the folder.",
    )


def _unwritable(err: OSError) -> ArtifactError:
    return ArtifactError(
        f"Notes cannot be written here: $CXR_HOME/notes refuses it ({err.strerror}).",
        "A note is a file there, which this process has to be able to write.",
        "Mount that folder writable for the API server (docs/cluster.md), or write the note in a "
        "terminal: python -m cxr_tasks note RUN TEXT.",
    )
