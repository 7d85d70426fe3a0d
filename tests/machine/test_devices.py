"""Pretended machines: how many trainings run at once, and with how many threads each."""

from pathlib import Path

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.machine import devices


def machine(monkeypatch: pytest.MonkeyPatch, folder: Path, *, cards: int, cores: int) -> None:
    for number in range(cards):
        (folder / str(number)).mkdir()
    monkeypatch.setattr(devices, "NVIDIA_CARDS", folder)
    monkeypatch.setattr(devices, "n_cores", lambda: cores)


def slots(environ: dict[str, str]) -> object:
    return devices.pools(environ)[devices.POOL]["slots"]


@pytest.mark.parametrize(
    ("cards", "cores", "n_slots", "n_threads"),
    [(0, 1, 1, 1), (0, 2, 2, 2), (0, 16, 4, 4), (1, 8, 1, 8), (4, 32, 4, 8)],
)
def test_a_slot_for_each_device_and_each_training_its_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cards: int,
    cores: int,
    n_slots: int,
    n_threads: int,
) -> None:
    machine(monkeypatch, tmp_path, cards=cards, cores=cores)
    assert slots({}) == n_slots
    assert devices.n_training_threads() == n_threads


def test_trainings_share_a_card_only_when_asked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine(monkeypatch, tmp_path, cards=2, cores=8)
    assert slots({devices.TRAININGS_PER_GPU: "3"}) == 6


def test_a_cluster_says_how_many_run_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine(monkeypatch, tmp_path, cards=0, cores=2)
    assert slots({devices.TRAINING_SLOTS: "12"}) == 12


@pytest.mark.parametrize("value", ["0", "-1", "many", "1025"])
def test_a_number_of_slots_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=devices.TRAINING_SLOTS):
        slots({devices.TRAINING_SLOTS: value})
