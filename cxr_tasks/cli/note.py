"""The command `note`: what a person says of a run, for all who look at it."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from cxr_tasks.cli import Command, Options
from cxr_tasks.cli.system_user import system_user
from cxr_tasks.runs.notes import (
    MAX_TEXT,
    NoteRecord,
    NoteVersion,
    make_note,
    read_note,
    split_tags,
    write_note,
)
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.paths import Home
from cxr_tasks.wording import one_line, told

_DESCRIPTION = (
    "Write a note and tags on a run, signed and dated, or print them. The pages of all runs show "
    "them and find runs by them. What was said before stays in the note's history; deleting a run "
    "does not delete it."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's name")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the note; without it, it stays")
    parser.add_argument("--tags", metavar="A,B", help="all its tags; '' for none")
    parser.add_argument("--by", metavar="NAME", help="who says so; default: the system's user")


def _run(options: Options, home: Home, _environ: Mapping[str, str]) -> int:
    run, _ = open_run(home, options["run"])
    from cxr_tasks.site.note_facts import is_of_earlier_run  # which imports much
    from cxr_tasks.site.reading import read_run

    before, facts = read_note(home, run.key), read_run(run)
    is_anew = before is not None and is_of_earlier_run(before, facts)
    mine = None if is_anew else before  # nobody signs what was said of another run
    text, tags = options["text"], options["tags"]
    if text is not None or tags is not None:
        said = make_note(
            text if text is not None else (mine.text if mine else ""),
            split_tags(tags) if tags is not None else (mine.tags if mine else []),
            by=options["by"] or system_user(),
            through="the command line",
            now=datetime.now(UTC),
        )
        seen = before.version if before else ""
        write_note(home, run.key, said, seen=seen, is_anew=is_anew)
        mine = read_note(home, run.key)
    if mine is None:
        print(f"Nobody has said anything of {run.key}.")
        if before:
            print(f"Of an earlier run of the same name it was said:\n{_describe(before)}")
    else:
        print(_describe(mine))
    return 0


def _describe(note: NoteRecord) -> str:
    n = len(note.earlier)
    before = f"\n{n} earlier {'version' if n == 1 else 'versions'}, kept with it" if n else ""
    return f"{_signed(note)}{before}"


def _signed(note: NoteVersion) -> str:
    tags = f"tags: {', '.join(note.tags)}\n" if note.tags else ""
    text = "\n".join(told(line, MAX_TEXT) for line in note.text.split("\n"))
    return f"{tags}{text or 'no note'}\n{one_line(note.by)}, {note.at}, through {note.through}"


COMMAND = Command(
    "write a note and tags on a run, or print them", _run, _add_arguments, _DESCRIPTION
)
