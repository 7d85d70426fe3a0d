"""Pretended cards and real processes: each training gets a place, and leaves it when it ends."""

import select
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.training.gpu_lease import leased_card, process_card, usable_cards
from cxr_tasks.volume.paths import Home

_HOLD = """
import sys, time
from pathlib import Path
from cxr_tasks.training.gpu_lease import leased_card
from cxr_tasks.volume.paths import Home
with leased_card(["0", "1"], home=Home(Path(sys.argv[1])), environ={}, note=lambda _: None,
                 poll_seconds=0.02) as card:
    print(card, flush=True)
    sys.stdin.read()
"""


def holder(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def card_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_killed_training_leaves_its_card_to_the_one_that_waits(tmp_path: Path) -> None:
    first, second = holder(tmp_path), holder(tmp_path)
    cards = {card_of(first), card_of(second)}
    assert cards == {"0", "1"}
    waiting = holder(tmp_path)
    time.sleep(0.5)
    end(first)
    third = card_of(waiting)
    end(second)
    fourth = holder(tmp_path)
    assert {third, card_of(fourth)} == {"0", "1"}
    end(waiting)
    end(fourth)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a holder that can no longer release anything itself."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def held(cards: list[str], home: Path, n: int, *, per_card: str) -> list[str | None]:
    place = {"home": Home(home), "environ": {"CXR_TRAININGS_PER_GPU": per_card}}
    with ExitStack() as stack:
        return [
            stack.enter_context(leased_card(cards, **place, note=lambda _: None))  # type: ignore[arg-type]
            for _ in range(n)
        ]


def test_empty_cards_are_taken_before_shared_ones(tmp_path: Path) -> None:
    assert held(["4", "7"], tmp_path, 4, per_card="2") == ["4", "7", "4", "7"]
    assert Counter(held(["0"], tmp_path, 3, per_card="3")) == {"0": 3}


def test_a_place_is_free_again_afterwards(tmp_path: Path) -> None:
    assert [held(["0"], tmp_path, 1, per_card="1") for _ in range(3)] == [["0"]] * 3


def test_all_trainings_of_a_process_have_the_card_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpus" / "0").mkdir(parents=True)
    monkeypatch.setattr("cxr_tasks.machine.devices.NVIDIA_CARDS", tmp_path / "gpus")
    environ = {"CUDA_VISIBLE_DEVICES": "0"}
    with process_card(Home(tmp_path), environ, note=lambda _: None) as card:
        assert held(["0"], tmp_path, 1, per_card="1") == ["0"]  # nothing is leased yet
        assert [card() for _ in range(3)] == ["0"] * 3
        assert held(["0", "7"], tmp_path, 1, per_card="1") == ["7"]
    assert held(["0"], tmp_path, 1, per_card="1") == ["0"]


def test_without_a_card_nobody_waits(tmp_path: Path) -> None:
    assert held([], tmp_path, 3, per_card="1") == [None, None, None]


@pytest.mark.parametrize("value", ["0", "-1", "17", "two", "1.5"])
def test_a_number_of_trainings_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="CXR_TRAININGS_PER_GPU"):
        held(["0"], tmp_path, 1, per_card=value)


def test_the_environment_chooses_among_the_cards_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tmp_path / "gpus"
    monkeypatch.setattr("cxr_tasks.machine.devices.NVIDIA_CARDS", driver)
    assert usable_cards({"CUDA_VISIBLE_DEVICES": "0"}) == []
    for number in range(3):
        (driver / str(number)).mkdir(parents=True)
    assert usable_cards({}) == ["0", "1", "2"]
    assert usable_cards({"CUDA_VISIBLE_DEVICES": "2, GPU-8f1e"}) == ["2", "GPU-8f1e"]
    assert usable_cards({"CUDA_VISIBLE_DEVICES": ""}) == []


N_TRAININGS = 6
_TRAIN = """
import os, sys, time
from pathlib import Path
from cxr_tasks.training.gpu_lease import leased_card
from cxr_tasks.volume.paths import Home
with leased_card(["0", "1", "2"], home=Home(Path(sys.argv[1])), environ={}, note=lambda _: None,
                 poll_seconds=0.01) as card:
    print("took", card, time.monotonic(), flush=True)
    time.sleep(float(sys.argv[2]))
    print("left", card, time.monotonic(), flush=True)
"""


def test_of_many_trainings_no_two_are_ever_on_one_card_though_some_are_killed(
    tmp_path: Path,
) -> None:
    trainings = [
        subprocess.Popen(
            [sys.executable, "-c", _TRAIN, str(tmp_path), "60" if number % 3 == 0 else "0.1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(N_TRAININGS)
    ]
    stays = []
    waiting = list(trainings)
    while waiting:
        for process in list(waiting):
            if trainings.index(process) % 3 == 0 and _has_begun(process):
                time.sleep(0.1)
                killed_at = time.monotonic()  # before the kill: the card may be taken right after
                process.kill()
                stays.append((*_took(process), killed_at))
                waiting.remove(process)
            elif trainings.index(process) % 3 and process.poll() is not None:
                card, took_at = _took(process)
                assert process.stdout is not None
                stays.append((card, took_at, float(process.stdout.readline().split()[2])))
                waiting.remove(process)
        time.sleep(0.01)
    for process in trainings:
        process.communicate()
    assert len(stays) == N_TRAININGS
    for card in {card for card, _, _ in stays}:
        of_card = sorted((begin, end) for each, begin, end in stays if each == card)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(of_card))


def _has_begun(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0])


def _took(process: subprocess.Popen[str]) -> tuple[str, float]:
    assert process.stdout is not None
    word, card, at = process.stdout.readline().split()
    assert word == "took"
    return card, float(at)
