import multiprocessing
from pathlib import Path

import pytest

from cxr_tasks.data.label_decisions import (
    LabelDecision,
    append_decisions,
    last_decisions,
    read_label_decisions,
)
from cxr_tasks.errors import CxrError, DataError, SourceError

HEADER = "path,decision,by,when,reason\n"
KEEP = LabelDecision("COVID/a.png", "keep", "Ann", "2026-01-31", "clear")


def file_of(folder: Path, text: str) -> Path:
    path = folder / "decisions.csv"
    path.write_bytes(text.encode())
    return path


def add(path: Path, *decisions: LabelDecision) -> None:
    append_decisions(path, decisions, lock=path.parent / "locks" / "x.lock")


def test_lines_are_read_as_they_stand(tmp_path: Path) -> None:
    first = "COVID/a.png,keep,Ann,2026-01-31,clear\r\n"
    text = f'\ufeff{HEADER}{first}\n"b, c.png", flip ,Bo,2026-02-01\n'
    assert read_label_decisions(file_of(tmp_path, text)) == [
        KEEP,
        LabelDecision("b, c.png", "flip", "Bo", "2026-02-01", ""),
    ]


def test_the_last_line_about_an_image_counts_and_no_clock(tmp_path: Path) -> None:
    later = LabelDecision("a", "keep", "Ann", "2026-05-01")
    earlier = LabelDecision("a", "flip", "Bo", "2026-01-01")
    assert last_decisions([later, earlier], path=tmp_path) == {"a": earlier}


@pytest.mark.parametrize("moment", ["2026-01-31", "2026-01-31T12:00:00+00:00"])
def test_two_decisions_of_one_moment_that_disagree_are_refused(tmp_path: Path, moment: str) -> None:
    lines = [LabelDecision("a", "flip", "Ann", moment), LabelDecision("a", "keep", "Bo", moment)]
    with pytest.raises(DataError, match=r"decides differently at one moment about 'a'"):
        last_decisions(lines, path=tmp_path)
    agreed = [lines[0], lines[0]._replace(by="Bo")]
    assert last_decisions(agreed, path=tmp_path) == {"a": agreed[1]}
    settled = [*lines, LabelDecision("a", "keep", "Cy", "2026-03-01")]
    assert last_decisions(settled, path=tmp_path)["a"].by == "Cy"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a.png,remove,Ann,2026-01-31,", "line 2 decides 'remove'"),
        ("a.png,flip,,2026-01-31,", "line 2 is signed by nobody"),
        ("a.png,flip,Ann,,", "line 2 is of '', no date"),
        ("a.png,flip,Ann,31.1.2026,", "line 2 is of '31.1.2026', no date"),
        (",flip,Ann,2026-01-31,", "line 2 names no path"),
        ("a.png,flip,Ann,2026-01-31,a,b", "line 2 has 6 fields"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(DataError) as caught:
        read_label_decisions(file_of(tmp_path, HEADER + line + "\n"))
    assert why in caught.value.problem
    assert "keep, flip, exclude" in caught.value.rule


@pytest.mark.parametrize(
    "text", ["", "path,decision\n", "a;b\n", HEADER.replace(",", ";"), HEADER + '"a\n', "\udcff"]
)
def test_another_kind_of_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "decisions.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SourceError, match="cannot be used"):
        read_label_decisions(path)


def test_a_missing_file_and_one_without_end_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(SourceError):
            read_label_decisions(path)


def test_lines_are_added_and_earlier_ones_stay_to_the_byte(tmp_path: Path) -> None:
    before = f"\ufeff{HEADER}b.png,flip,Bo,2026-01-01,  by hand"  # without an end of line
    path = file_of(tmp_path, before)
    add(path, KEEP, LabelDecision("odd,\n\r\"name'.png", "exclude", "Ann", "2026-02-01", "x"))
    assert path.read_bytes().startswith(before.encode() + b"\n")
    read = read_label_decisions(path)
    assert [each.path for each in read] == ["b.png", "COVID/a.png", "odd,\n\r\"name'.png"]
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_file_that_is_broken_is_not_touched(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEADER + "a.png,flop,Ann,2026-01-31,\n")
    before = path.read_bytes()
    with pytest.raises(DataError, match="flop"):
        add(path, KEEP)
    assert path.read_bytes() == before


def test_what_is_added_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    with pytest.raises(CxrError):
        add(path, KEEP._replace(by=""))
    add(path, KEEP)
    with pytest.raises(DataError, match="one moment"):
        add(path, KEEP._replace(decision="flip"))
    assert read_label_decisions(path) == [KEEP]


def write_many(path: Path, who: str) -> None:
    for number in range(20):
        add(path, KEEP._replace(path=f"{who}-{number}.png"))


def test_of_two_who_write_at_once_neither_loses_a_line(tmp_path: Path) -> None:
    path, context = tmp_path / "decisions.csv", multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, who)) for who in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len({each.path for each in read_label_decisions(path)}) == 40
