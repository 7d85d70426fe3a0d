import io
from pathlib import Path

import pytest

from cxr_tasks.console import following
from cxr_tasks.progress import Progress, duration, read_events


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
    assert "epoch 3/10: val_accuracy 0.900, at most 2 min 10 s left" in shown
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
