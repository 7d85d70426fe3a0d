"""A run through PostgreSQL, Redis and CeleryExecutor, whose workers are asked to end or killed."""

import time
from collections.abc import Iterator

import pytest

from cxr_tasks.volume.paths import RunPaths
from tests.cluster import checks, sessions
from tests.cluster.api import signed_in
from tests.cluster.checks import Deployment
from tests.cluster.servers import own_servers
from tests.cluster.topology import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

CONTROL = ("apiserver", "scheduler", "dag-processor", "triggerer")
TRAINING = "worker-training"
TRAINING_WORKERS = (f"{TRAINING}-0", f"{TRAINING}-1")
STOP_SECONDS = 30
"""A stop reaches a task with the next heartbeat of its supervisor, every few seconds."""

END_SECONDS = 20
"""For a worker that is asked to end: a child's grace of 3 s, and Celery's own end."""

GAP_SECONDS = checks.HEARTBEAT_SECONDS - 5
"""Another worker is free at once; 15 s of it are waited on purpose."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start what the compose file names, each part healthy by its own health check."""
    with own_servers() as servers:
        parts = Cluster(tmp_path_factory.mktemp("cluster"), servers)
        try:
            parts.run_once("init")
            for name in (*CONTROL, "worker"):
                parts.start(name)
            for name in TRAINING_WORKERS:
                parts.start(TRAINING, name)
            for name in (*CONTROL, "worker"):
                parts.wait_until_healthy(name)
            for name in TRAINING_WORKERS:
                parts.wait_until_healthy(TRAINING, name)
            yield parts
        finally:
            parts.stop()


@pytest.fixture(scope="module")
def cluster(parts: Cluster) -> Iterator[Deployment]:
    """Sign in as the user that the service `init` has made."""
    password = parts.values["CXR_ADMIN_PASSWORD"]
    with signed_in(parts.api, user="admin", password=password) as api:
        api.wait_until_known()
        yield Deployment(parts.home, api, parts.logs)


@pytest.fixture(scope="module")
def undisturbed(cluster: Deployment) -> RunPaths:
    return checks.whole_run("undisturbed", cluster)


def test_workers_that_are_asked_to_end_give_their_tasks_back(
    parts: Cluster, cluster: Deployment, undisturbed: RunPaths
) -> None:
    def restart(service: str, run: RunPaths) -> None:
        name = worker_of_training(run, parts) if service == TRAINING else service
        process, asked = parts.processes[name], time.monotonic()
        process.terminate()
        process.wait(2 * END_SECONDS)
        print(f"{name} ended in {time.monotonic() - asked:.1f} s")
        assert time.monotonic() - asked < END_SECONDS
        assert (sessions.members(process.pid), training_processes(run)) == ([], [])
        parts.start(service, name)

    checks.check_given_back(cluster, undisturbed, restart, gap_seconds=GAP_SECONDS)


def test_killed_worker_costs_neither_the_run_nor_a_number(
    parts: Cluster, cluster: Deployment, undisturbed: RunPaths
) -> None:
    def kill(run: RunPaths) -> None:
        sessions.kill(parts.processes[worker_of_training(run, parts)])
        assert training_processes(run) == []

    checks.check_killed_worker(cluster, undisturbed, kill)
    ended = [name for name, process in parts.processes.items() if process.poll() is not None]
    assert len(ended) == 1, "the other worker took the second try"


def test_stop_from_the_ui_ends_the_training_in_seconds_and_keeps_its_checkpoint(
    cluster: Deployment, undisturbed: RunPaths
) -> None:
    run = checks.start_run("stopped", cluster)
    checks.wait_for_epoch(run, cluster, checks.DISTURBED_AT_EPOCH)
    cluster.api.stop("stopped")
    stopped = time.monotonic()
    while sessions.with_in_environment(f"CXR_RUN={run.key}"):
        assert time.monotonic() < stopped + STOP_SECONDS, "the training goes on"
        time.sleep(0.2)
    assert (run.training(checks.VARIANT) / "checkpoint.npz").exists()
    before = checks.epoch_events(run)
    assert before[-1].epoch < checks.N_EPOCHS

    cluster.api.go_on("stopped")
    checks.wait_for_success(run, cluster)
    checks.check_gone_on(run, before)
    checks.assert_same_numbers(run, undisturbed)


def test_nothing_is_left_when_the_cluster_is_stopped(parts: Cluster, undisturbed: RunPaths) -> None:
    """The last test of the file: it stops the parts that the others use."""
    assert undisturbed.report.exists()
    started = [process.pid for process in parts.processes.values()]
    parts.stop()
    assert [sessions.members(session) for session in started] == [[]] * len(started)
    assert sessions.with_in_environment(str(parts.folder)) == []


def training_processes(run: RunPaths) -> list[str]:
    found = sessions.with_in_environment(f"CXR_RUN={run.key}")
    return [line for line in found if f"cxr_tasks train --variant {checks.VARIANT}" in line]


def worker_of_training(run: RunPaths, parts: Cluster) -> str:
    """Name the worker that trains."""
    (line,) = training_processes(run)
    session = sessions.session_of(int(line.split()[0]))
    (name,) = (name for name, process in parts.processes.items() if process.pid == session)
    assert name in TRAINING_WORKERS
    return name
