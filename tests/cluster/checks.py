"""What a cluster has to prove, whether its parts are processes or containers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.progress_record import ProgressRecord
from tests.cluster.api import Api

VARIANT = "vanilla_cnn"
"""The variant whose training is disturbed."""

DISTURBED_AT_EPOCH, N_EPOCHS = 12, 30
CONF: dict[str, Any] = {
    "profile": "quickstart",
    "phantom_images": 48,
    "weights": "random",
    "threads": 1,
    "variants": [VARIANT, "mobilenetv2_frozen"],
    "epochs": N_EPOCHS,
    "patience": N_EPOCHS,
    "force": True,
}
HEARTBEAT_SECONDS = 30
"""After this time without a sign of life a task is given up; Airflow's default is 300."""

_RUN_SECONDS = 500


@dataclass(frozen=True)
class Deployment:
    """A cluster as these checks see it.

    Attributes:
        home: The shared volume.
        api: Its API server, signed in.
        told: Gives the ends of the logs, for who reads of a failure.
    """

    home: Path
    api: Api
    told: Callable[[], str]

    def run(self, name: str) -> RunPaths:
        """Give the paths of a run."""
        return Home(self.home).run(name)


def whole_run(name: str, cluster: Deployment) -> RunPaths:
    """Run everything to the report, undisturbed."""
    run = start_run(name, cluster)
    wait_for_success(run, cluster)
    assert (run.report / "index.html").exists()
    return run


def check_killed_worker(
    cluster: Deployment, undisturbed: RunPaths, kill: Callable[[RunPaths], None]
) -> None:
    """A worker killed in a training costs a try, the time of a heartbeat, and no number."""
    run = start_run("killed", cluster)
    wait_for_epoch(run, cluster, DISTURBED_AT_EPOCH)
    kill(run)
    before = epoch_events(run)
    assert before[-1].epoch < N_EPOCHS
    wait_for_success(run, cluster)

    assert state_and_tries(run, cluster, f"train.{VARIANT}") == ("success", 2)
    check_gone_on(run, before)
    assert_same_numbers(run, undisturbed)


def check_given_back(
    cluster: Deployment,
    undisturbed: RunPaths,
    restart: Callable[[str, RunPaths], None],
    *,
    gap_seconds: float,
) -> None:
    """A worker that is asked to end at work costs no try, no number, and some seconds.

    Args:
        cluster: Where it works.
        undisturbed: A run with the same settings.
        restart: Asks the worker of a service that works for a run to end, and starts it again.
        gap_seconds: The most from a training's end to its next sign.
    """
    run = start_run("given-back", cluster)
    wait_for_epoch(run, cluster, DISTURBED_AT_EPOCH)
    restart("worker-training", run)
    wait_for_stage(run, cluster, "evaluate")
    restart("worker", run)
    wait_for_success(run, cluster)

    assert state_and_tries(run, cluster, f"train.{VARIANT}") == ("success", 1)
    assert state_and_tries(run, cluster, "evaluate") == ("success", 1)
    events = [event for event, _ in read_events(run.progress)]
    assert {event.kind for event in events}.isdisjoint(("failed", "stopped"))
    assert [event.stage for event in events if event.kind == "given back"] == ["train", "evaluate"]
    assert not list(run.root.rglob("*.error.json"))
    trained = training_events(run)
    given_back = [event.kind for event in trained].index("given back")
    gap = trained[given_back + 1].at - trained[given_back].at
    print(f"the training went on {gap:.1f} s after it was given back")
    assert gap < gap_seconds
    check_gone_on(run, [event for event in trained[:given_back] if event.kind == "epoch"])
    assert_same_numbers(run, undisturbed)


def start_run(name: str, cluster: Deployment) -> RunPaths:
    cluster.api.trigger(name, CONF | {"run": name})
    return cluster.run(name)


def wait_for_success(run: RunPaths, cluster: Deployment) -> None:
    assert wait_for_end(run, cluster) == "success", _told(run, cluster)


def wait_for_end(run: RunPaths, cluster: Deployment) -> str:
    """Wait until the run has ended, and give how."""
    deadline = time.monotonic() + _RUN_SECONDS
    while (state := cluster.api.state(run.key)) not in ("success", "failed"):
        assert time.monotonic() < deadline, _told(run, cluster)
        time.sleep(1)
    return state


def wait_for_epoch(run: RunPaths, cluster: Deployment, epoch: int) -> None:
    """Wait until the training has come so far."""
    deadline = time.monotonic() + _RUN_SECONDS
    while not (done := [event.epoch for event in epoch_events(run)]) or done[-1] < epoch:
        assert time.monotonic() < deadline, f"no epoch {epoch} in {run.progress}"
        state = cluster.api.state(run.key)
        assert state in ("queued", "running"), f"no epoch {epoch}: the run has ended"
        time.sleep(0.1)
    assert (run.training(VARIANT) / "checkpoint.npz").exists()


def wait_for_stage(run: RunPaths, cluster: Deployment, stage: str) -> None:
    """Wait until a stage has begun."""
    deadline = time.monotonic() + _RUN_SECONDS
    while not [event for event, _ in read_events(run.progress) if event.stage == stage]:
        assert time.monotonic() < deadline, f"no {stage} in {run.progress}"
        assert cluster.api.state(run.key) in ("queued", "running"), f"the run ended before {stage}"
        time.sleep(0.1)


def training_events(run: RunPaths) -> list[ProgressRecord]:
    return [event for event, _ in read_events(run.progress) if event.variant == VARIANT]


def epoch_events(run: RunPaths) -> list[ProgressRecord]:
    return [event for event in training_events(run) if event.kind == "epoch"]


def assert_same_numbers(run: RunPaths, other: RunPaths) -> None:
    for name in CONF["variants"]:
        one, two = (
            pd.read_csv(each.train(name) / "history.csv").drop(columns="seconds")
            for each in (run, other)
        )
        assert len(one) == N_EPOCHS
        assert one.equals(two), name
        predicted = (each.evaluate / name / "predictions.csv" for each in (run, other))
        assert len({path.read_bytes() for path in predicted}) == 1, name


def state_and_tries(run: RunPaths, cluster: Deployment, task_id: str) -> tuple[str, int]:
    task = cluster.api.tasks(run.key)[task_id]
    return task["state"], task["try_number"]


def check_gone_on(run: RunPaths, before: list[ProgressRecord]) -> None:
    first, *_, last = epoch_events(run)[len(before) :]
    assert 1 < first.epoch <= before[-1].epoch + 1, "it went on from the checkpoint"
    assert last.epoch == N_EPOCHS


def _told(run: RunPaths, cluster: Deployment) -> str:
    states = {name: task["state"] for name, task in cluster.api.tasks(run.key).items()}
    return f"{states}\n{cluster.told()}"
