import io
import re
from pathlib import Path

import pytest

from cxr_tasks.cli.console import following
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import Progress, duration, level_of, read_events, warning


def test_events_are_read_back_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    Progress(path, "split", clock=lambda: 5.0).emit("start", "started")
    (first, offset), *_ = read_events(path)
    assert (first.name, first.kind, first.at) == ("split", "start", 5.0)
    Progress(path, "train", "vanilla_cnn").note("line\nbreak ä")
    ((second, _),) = read_events(path, offset=offset)
    assert (second.name, second.text) == ("train vanilla_cnn", "line\nbreak ä")


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_bytes(b'{"stage": "spl')
    assert list(read_events(path)) == []


def test_watching_shows_stage_variant_epoch_and_time_left(tmp_path: Path) -> None:
    path, stream = tmp_path / "progress.jsonl", io.StringIO()
    with following(path, stream=stream):
        progress = Progress(path, "train", "vanilla_cnn")
        progress.emit("start", "started")
        progress.epoch(3, n_epochs=10, seconds_left=130, text="val_accuracy 0.900")
        progress.emit("done", "10 epochs")
    shown = stream.getvalue()
    assert "train vanilla_cnn" in shown
    assert "epoch 3/10, at most 2 min 10 s left: val_accuracy 0.900" in shown
    assert "10 epochs" in shown


def test_events_of_an_earlier_try_are_not_shown_again(tmp_path: Path) -> None:
    path, stream = tmp_path / "progress.jsonl", io.StringIO()
    Progress(path, "ingest").emit("done", "old news")
    with following(path, stream=stream):
        pass
    assert "old news" not in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (130, "2 min 10 s"), (7500, "2 h 5 min")]
)
def test_duration_reads_like_a_person(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_line_of_an_epoch_says_all_once(tmp_path: Path) -> None:
    path, lines = tmp_path / "progress.jsonl", list[str]()
    progress = Progress(path, "train", "vanilla_cnn", "fold 2 of 5", echo=lines.append)
    progress.epoch(3, n_epochs=10, seconds_left=130, text="loss 0.5000")
    progress.epoch(10, n_epochs=10, seconds_left=0, text="loss 0.4000")
    assert lines == [
        "train vanilla_cnn: fold 2 of 5: epoch 3/10, at most 2 min 10 s left: loss 0.5000",
        "train vanilla_cnn: fold 2 of 5: epoch 10/10: loss 0.4000",
    ]


def test_warning_is_one_in_the_event_and_in_the_line(tmp_path: Path) -> None:
    path, lines = tmp_path / "progress.jsonl", list[str]()
    progress = Progress(path, "train", "vanilla_cnn", "fold 2 of 5", echo=lines.append)
    progress.note(warning("no weights"))
    progress.note("weights: Warning is a word")
    assert [event.level for event, _ in read_events(path)] == ["warning", "info"]
    assert [level_of(line) for line in lines] == ["warning", "info"]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("ingest: Warning: no pre-trained weights", "warning"),
        ("Warning: Kaggle did not deliver", "warning"),
        ("WARNING:tensorflow:5 out of the last 5 calls", "warning"),
        ("/x/y.py:12: UserWarning: odd", "warning"),
        ("ingest: 160 images, 0 rejected", "info"),
        ("evaluate: recommended: x; audit: warning", "info"),
        ("", "info"),
    ],
)
def test_level_of_a_printed_line(line: str, level: str) -> None:
    assert level_of(line) == level


def test_event_without_a_level_is_read(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text('{"stage": "split", "kind": "note", "text": "told by an earlier version"}\n')
    assert [event.level for event, _ in read_events(path)] == ["info"]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [80, 100, 140])
def test_names_stay_whole_and_lines_fit_in_a_terminal(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    path, stream = tmp_path / "progress.jsonl", _Terminal()
    with following(path, stream=stream):
        Progress(path, "ingest").note(warning("no pre-trained weights"))
        for name in VARIANTS:
            progress = Progress(path, "train", name, "fold 2 of 5", clock=lambda: 5.0)
            text = "loss 0.4312, val_loss 0.5123, val_accuracy 0.812"
            progress.epoch(3, n_epochs=500, seconds_left=4000, text=text)
        Progress(path, "train", name, clock=lambda: 60.0).emit("done", "8 epochs (55 s)")
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in stream.getvalue().splitlines()]
    last = [line for line in shown if "train " in line][-len(VARIANTS) :]
    for line, name in zip(last, VARIANTS, strict=True):
        assert f"train {name} " in line
        assert len(line.rstrip()) <= width
    assert "epoch 3/500, at most 1 h" in last[0]
    assert last[-1].rstrip().endswith("8 epochs (55 s)")  # one duration, and nothing behind it
    assert "ingest: Warning: no pre-trained weights" in map(str.rstrip, shown)
