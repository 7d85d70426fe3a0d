"""The file in which people decide about labels: a line for each decision, the last one counts."""

import csv
import io
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from cxr_tasks.errors import DataError, SourceError, first_few, shown
from cxr_tasks.volume.files import remove_leftovers, writing
from cxr_tasks.volume.locks import locked

Decision = Literal["keep", "flip", "exclude"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
"""Of the label that the source gives an image: it is right; it is the other class'; left out."""

COLUMNS = ("path", "decision", "by", "when", "reason")
NAME_TO_FILL_IN = "YOUR NAME"
"""What stands in a command to copy in place of a name."""

_MAX_BYTES = 64 << 20


class LabelDecision(NamedTuple):
    """One line: what a person decided about the label that the source gives an image."""

    path: str  # the image's, as `index.csv` has it
    decision: str  # one of `DECISIONS`
    by: str  # the person's name
    when: str  # ISO 8601; recorded, decides nothing
    reason: str = ""


def read_label_decisions(path: Path) -> list[LabelDecision]:
    """Read every line of the file, in its order.

    Raises:
        SourceError: The file is missing or is no such table.
        DataError: A line has no path, no name, no date, or another decision.
    """
    return _parsed(_content(path), path)


def last_decisions(decisions: Iterable[LabelDecision], *, path: Path) -> dict[str, LabelDecision]:
    """Return the last decision about each image, in the order of the lines.

    Raises:
        DataError: Another line about an image is of the same moment and says something else, so
            which one is the last is not to be told.
    """
    by_image: dict[str, list[LabelDecision]] = {}
    for each in decisions:
        by_image.setdefault(each.path, []).append(each)
    doubtful = [
        shown(image)
        for image, lines in by_image.items()
        if any(_same_moment(each, lines[-1]) and each[1] != lines[-1][1] for each in lines)
    ]
    if doubtful:
        raise DataError(
            f"{path} decides differently at one moment about {first_few(doubtful)}.",
            "The last line about an image counts; of two of one moment neither is the last.",
            "Leave one of them out, or give the later one its time (2026-01-31T14:05).",
        )
    return {image: lines[-1] for image, lines in by_image.items()}


def append_decisions(path: Path, decisions: Sequence[LabelDecision], *, lock: Path) -> None:
    """Add lines to the file, made where it is missing; what stands there stays as it is.

    The file is replaced whole, under a lock, so that of two who write at once neither loses a line.

    Raises:
        SourceError: What is there is no such table.
        DataError: A line that is there, or one to be added, cannot be used.
    """
    path = path.resolve()  # a link stays one
    with locked(lock):
        remove_leftovers(path)
        before = _content(path) if path.exists() else b""
        content = before or _lines([COLUMNS])
        content += b"" if content.endswith(b"\n") else b"\n"
        content += _lines(decisions)
        last_decisions(_parsed(content, path), path=path)
        try:
            with writing(path) as stream:
                stream.write(content)
        except OSError as err:
            raise _unusable(path, f"it cannot be written, {err.strerror or err}") from err


def _content(path: Path) -> bytes:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_BYTES:
            raise _unusable(path, f"it is no file of at most {_MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err


def _parsed(content: bytes, path: Path) -> list[LabelDecision]:
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, fields) for fields in reader if any(map(str.strip, fields))]
    except (csv.Error, UnicodeDecodeError) as err:
        raise _unusable(path, str(err)) from err
    if tuple(header) != COLUMNS:
        raise _unusable(path, f"its first line is {shown(','.join(header), 80)}")
    wrong = [f"line {number} {why}" for number, fields in lines for why in _offences(fields)]
    if wrong:
        raise DataError(
            f"{path} has lines that cannot be used: {first_few(wrong)}.",
            f"A line is {','.join(COLUMNS)}: decision is {', '.join(DECISIONS)}; by is the name of "
            "who decided; when is an ISO date such as 2026-01-31.",
            "Correct them, or write decisions with python -m cxr_tasks label.",
        )
    return [_decision(fields) for _, fields in lines]


def _offences(fields: list[str]) -> Iterator[str]:
    """Yield what is wrong with a line."""
    if len(fields) > len(COLUMNS):
        yield f"has {len(fields)} fields"
        return
    line = _decision(fields)
    if not line.path:
        yield "names no path"
    if line.decision not in DECISIONS:
        yield f"decides {shown(line.decision, 40)}"
    if not line.by:
        yield "is signed by nobody"
    if _moment(line) is None:
        yield f"is of {shown(line.when, 40)}, no date"


def _decision(fields: list[str]) -> LabelDecision:
    image, *others = [*fields, *[""] * (len(COLUMNS) - len(fields))]
    return LabelDecision(image, *(text.strip() for text in others))


def _moment(line: LabelDecision) -> datetime | None:
    try:
        return datetime.fromisoformat(line.when)
    except ValueError:
        return None


def _same_moment(one: LabelDecision, other: LabelDecision) -> bool:
    return one is not other and _moment(one) == _moment(other)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    for row in rows:
        # of itself csv quotes no carriage return where a line ends without one
        if any("\r" in field for field in row):
            csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(row)
        else:
            csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


def _unusable(path: Path, problem: str) -> SourceError:
    return SourceError(
        f"The label decisions {path} cannot be used: {problem[:300]}.",
        f"They are a CSV file in UTF-8 whose first line is {','.join(COLUMNS)}.",
        "Correct it, or write decisions with python -m cxr_tasks label.",
    )
