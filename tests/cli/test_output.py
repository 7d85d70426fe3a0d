"""The command line where its output is closed, full, or only takes ASCII."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_tasks.runs.notes import read_note
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home

TEXT = "Größer, \N{GREEK SMALL LETTER ALPHA}"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    start_run(make_config({}), home, "one", note=lambda _: None)
    return home


def note(home: Home, redirected: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Write a note in a shell, with its output redirected."""
    command = f'"$PYTHON" -m cxr_tasks note one "$TEXT" --home "$PLACE" {redirected}'
    own = {"PYTHON": sys.executable, "TEXT": TEXT, "PLACE": str(home.root), **variables}
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=os.environ | own, capture_output=True, text=True
    )
    found = read_note(home, "one")
    assert found is not None
    assert found.text == TEXT  # whatever became of the output
    return done


def test_a_full_output_is_told_apart_from_a_full_volume(home: Home) -> None:
    done = note(home, ">/dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("OutputError: Standard output takes no more text (No space left")
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("redirected", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_costs_nothing(home: Home, redirected: str) -> None:
    done = note(home, redirected)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_has_seen_enough_is_no_error(home: Home) -> None:
    assert note(home, "| true").stderr == ""


def test_what_an_output_cannot_hold_is_written_as_its_code(home: Home) -> None:
    done = note(home, "", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert r"Gr\xf6\xdfer, \u03b1" in done.stdout
