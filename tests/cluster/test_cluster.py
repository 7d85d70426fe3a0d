"""A run through PostgreSQL, Redis and CeleryExecutor, and one whose worker is killed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events
from cxr_tasks.volume.progress_record import ProgressRecord
from tests.cluster import sessions
from tests.cluster.api import Api, signed_in
from tests.cluster.servers import own_servers
from tests.cluster.topology import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

KILLED_VARIANT = "vanilla_cnn"
KILL_AT_EPOCH, N_EPOCHS = 12, 30
CONF: dict[str, Any] = {
    "profile": "quickstart",
    "phantom_images": 48,
    "weights": "random",
    "threads": 1,
    "variants": [KILLED_VARIANT, "mobilenetv2_frozen"],
    "epochs": N_EPOCHS,
    "patience": N_EPOCHS,
    "force": True,
}
CONTROL = ("apiserver", "scheduler", "dag-processor", "triggerer")
TRAINING_WORKERS = ("worker-gpu-0", "worker-gpu-1")
_RUN_SECONDS = 500
STOP_SECONDS = 30
"""A stop reaches a task with the next heartbeat of its supervisor, every few seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start what the compose file names, each part healthy by its own health check."""
    with own_servers() as servers:
        cluster = Cluster(folder, servers)
        try:
            cluster.run_once("init")
            for name in (*CONTROL, "worker"):
                cluster.start(name)
            for name in TRAINING_WORKERS:
                cluster.start("worker-gpu-0", name)
            for name in (*CONTROL, "worker"):
                cluster.wait_until_healthy(name)
            for name in TRAINING_WORKERS:
                cluster.wait_until_healthy("worker-gpu-0", name)
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[Api]:
    """Sign in as the user that the service `init` has made."""
    password = cluster.values["CXR_ADMIN_PASSWORD"]
    with signed_in(cluster.api, user="admin", password=password) as api:
        api.wait_until_known()
        yield api


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, api: Api) -> RunPaths:
    """Give a whole run through the cluster, to the report."""
    run = start_run("undisturbed", cluster, api)
    wait_for_success(run, cluster, api)
    assert (run.report / "index.html").exists()
    return run


def test_killed_worker_costs_neither_the_run_nor_a_number(
    cluster: Cluster, api: Api, undisturbed: RunPaths
) -> None:
    run = start_run("killed", cluster, api)
    wait_for_epoch(run, api, KILL_AT_EPOCH)
    killed, left = kill_worker_of_training(run, cluster)
    assert left == []
    before = epoch_events(run)
    assert before[-1].epoch < N_EPOCHS
    wait_for_success(run, cluster, api)

    task = api.tasks("killed")[f"train.{KILLED_VARIANT}"]
    assert (task["state"], task["try_number"]) == ("success", 2)
    assert cluster.processes[killed].poll() is not None, "the other worker took the second try"
    first, *_, last = epoch_events(run)[len(before) :]
    assert 1 < first.epoch <= before[-1].epoch + 1, "the second try went on from the checkpoint"
    assert last.epoch == N_EPOCHS
    assert_same_numbers(run, undisturbed)


def test_stop_from_the_ui_ends_the_training_in_seconds_and_keeps_its_checkpoint(
    cluster: Cluster, api: Api, undisturbed: RunPaths
) -> None:
    run = start_run("stopped", cluster, api)
    wait_for_epoch(run, api, KILL_AT_EPOCH)
    api.stop("stopped")
    stopped = time.monotonic()
    while sessions.with_in_environment(f"CXR_RUN={run.key}"):
        assert time.monotonic() < stopped + STOP_SECONDS, "the training goes on"
        time.sleep(0.2)
    assert (run.training(KILLED_VARIANT) / "checkpoint.npz").exists()
    before = epoch_events(run)
    assert before[-1].epoch < N_EPOCHS

    api.go_on("stopped")
    wait_for_success(run, cluster, api)
    first, *_ = epoch_events(run)[len(before) :]
    assert 1 < first.epoch <= before[-1].epoch + 1, "it went on from the checkpoint"
    assert_same_numbers(run, undisturbed)


def test_nothing_is_left_when_the_cluster_is_stopped(
    cluster: Cluster, undisturbed: RunPaths
) -> None:
    """The last test of the file: it stops the parts that the others use."""
    assert undisturbed.report.exists()
    started = [process.pid for process in cluster.processes.values()]
    cluster.stop()
    assert [sessions.members(session) for session in started] == [[]] * len(started)
    assert sessions.with_in_environment(str(cluster.folder)) == []


def start_run(name: str, cluster: Cluster, api: Api) -> RunPaths:
    api.trigger(name, CONF | {"run": name})
    return Home(cluster.home).run(name)


def wait_for_success(run: RunPaths, cluster: Cluster, api: Api) -> None:
    deadline = time.monotonic() + _RUN_SECONDS
    while (state := api.state(run.key)) not in ("success", "failed"):
        assert time.monotonic() < deadline, _told(run, cluster, api)
        time.sleep(1)
    assert state == "success", _told(run, cluster, api)


def wait_for_epoch(run: RunPaths, api: Api, epoch: int) -> None:
    """Wait until the training has come so far."""
    deadline = time.monotonic() + _RUN_SECONDS
    while not (done := [event.epoch for event in epoch_events(run)]) or done[-1] < epoch:
        assert time.monotonic() < deadline, f"no epoch {epoch} in {run.progress}"
        assert api.state(run.key) in ("queued", "running"), f"no epoch {epoch}: the run has ended"
        time.sleep(0.1)
    assert (run.training(KILLED_VARIANT) / "checkpoint.npz").exists()


def epoch_events(run: RunPaths) -> list[ProgressRecord]:
    events = (event for event, _ in read_events(run.progress))
    return [event for event in events if (event.kind, event.variant) == ("epoch", KILLED_VARIANT)]


def kill_worker_of_training(run: RunPaths, cluster: Cluster) -> tuple[str, list[str]]:
    """End the worker that trains as a machine's end would; name it and what is left of it."""
    command = f"cxr_tasks train --variant {KILLED_VARIANT}"
    (pid,) = (
        line.split()[0]
        for line in sessions.with_in_environment(f"CXR_RUN={run.key}")
        if command in line
    )
    session = sessions.session_of(int(pid))
    (name,) = (name for name, process in cluster.processes.items() if process.pid == session)
    assert name in TRAINING_WORKERS
    sessions.kill(cluster.processes[name])
    trains = sessions.with_in_environment(f"CXR_RUN={run.key}")
    return name, [line for line in trains if command in line]


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


def _told(run: RunPaths, cluster: Cluster, api: Api) -> str:
    states = {name: task["state"] for name, task in api.tasks(run.key).items()}
    logs = "\n".join(f"== {name}\n{cluster.log(name)}" for name in cluster.processes)
    return f"{states}\n{logs}"
