"""The project as `docker compose` runs it: its image built, its services up, a worker killed.

The tests stand in their order: what one leaves running the next one looks at.
"""

import os
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cxr_tasks.runs.failure import read_failure
from cxr_tasks.volume.paths import RunPaths
from tests.cluster.api import signed_in
from tests.cluster.checks import (
    DISTURBED_AT_EPOCH,
    VARIANT,
    Deployment,
    assert_same_numbers,
    check_given_back,
    check_killed_worker,
    start_run,
    state_and_tries,
    training_events,
    wait_for_end,
    wait_for_epoch,
    wait_for_success,
    whole_run,
)
from tests.containers.base_images import BaseImages, base_images
from tests.containers.engine import Engine, running_engine
from tests.containers.project import MemoryPeaks, Project, built, running_project
from tests.deploy.compose_file import ROOT

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]

MOST_IMAGE_GB = 2.6
USER, GROUP = 50000, 0
TRAINING = "worker-training"
GAP_SECONDS = 120
"""The same worker has to start first; a task that was not given back is missed after 300 s."""

AIRFLOW = ("apiserver", "scheduler", "dag-processor", "triggerer", "worker", TRAINING)
READERS = ("scheduler", "dag-processor", "triggerer", "apiserver")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    # What ends CI's time asks so, and pytest would die of it with everything left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running_engine(folder) as engine:
        yield engine


@pytest.fixture(scope="module")
def images(engine: Engine, folder: Path) -> BaseImages:
    return base_images(engine, folder)


@pytest.fixture(scope="module")
def image(engine: Engine, images: BaseImages, folder: Path) -> Iterator[str]:
    began = time.monotonic()
    with built(engine, images, folder, kind="cpu") as name:
        print(f"{name} built in {time.monotonic() - began:.0f} s")
        yield name


@pytest.fixture(scope="module")
def env_file(engine: Engine, image: str, folder: Path) -> Path:
    """Make the secrets as somebody who has Docker and nothing else."""
    here = ["--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{folder}:/here"]
    command = [*here, "--workdir", "/here", image, "python", "-m", "cxr_tasks", "secrets"]
    engine.output("run", "--rm", "--network", "none", *command)
    return folder / ".env"


@pytest.fixture(scope="module")
def project(
    engine: Engine, images: BaseImages, image: str, env_file: Path, folder: Path
) -> Iterator[Project]:
    assert env_file.parent == folder
    with running_project(engine, images, image, folder) as project:
        print(f"up and healthy in {project.up():.0f} s")
        yield project


@pytest.fixture(scope="module")
def cluster(project: Project) -> Iterator[Deployment]:
    password = project.values["CXR_ADMIN_PASSWORD"]
    with signed_in(project.api, user="admin", password=password) as api:
        api.wait_until_known()
        yield Deployment(project.volume("cxr-home"), api, project.told)


@pytest.fixture(scope="module")
def undisturbed(project: Project, cluster: Deployment) -> RunPaths:
    """Run everything once, and print the memory of each service before it and at its highest."""
    resting = project.memory_mb()
    with MemoryPeaks(project) as peaks:
        run = whole_run("undisturbed", cluster)
    for name, megabytes in resting.items():
        print(f"{name}: {megabytes:.0f} MB at rest, {peaks.highest[name]:.0f} MB in the run")
    return run


def inside(engine: Engine, image: str, *command: str, user: str = "") -> str:
    as_user = ["--user", user] if user else []
    return engine.output("run", "--rm", "--network", "none", *as_user, image, *command)


def test_image_is_small_and_holds_what_it_needs(engine: Engine, image: str) -> None:
    size = engine.inspect(image)["Size"] / 1e9
    print(f"{image}: {size:.2f} GB")
    assert size < MOST_IMAGE_GB
    pip = ["/usr/local/bin/python", "-m", "pip", "--python", "/opt/venv/bin/python"]
    assert "No broken requirements" in inside(engine, image, *pip, "check")
    for name in ("pytest", "playwright", "mypy", "ruff", "pip"):
        assert engine.run("run", "--rm", image, "python", "-c", f"import {name}").returncode == 1


def test_image_keeps_nothing_of_the_machine_that_built_it(engine: Engine, image: str) -> None:
    command = "ls /opt/cxr; cat /etc/pip.conf /etc/apt/apt.conf.d/99-build /build/requirements.lock"
    done = engine.run("run", "--rm", image, "sh", "-c", command)
    assert done.stdout.split() == [
        "README.md",
        "cxr_tasks",
        "dags",
        "deploy",
        "plugins",
        "pyproject.toml",
    ]
    assert done.stderr.count("No such file") == 3


def test_any_user_of_group_0_can_run_it(engine: Engine, image: str) -> None:
    command = "umask && python -m cxr_tasks schema --help >/dev/null && airflow version"
    umask, version = inside(engine, image, "sh", "-c", command, user="1234567:0").split()[-2:]
    assert umask == "0002"
    assert version.startswith("3.")


def test_secrets_are_the_callers_alone(env_file: Path) -> None:
    found = env_file.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (os.getuid(), 0o600)


def test_report_is_shown_to_whom_is_signed_in(
    project: Project, cluster: Deployment, undisturbed: RunPaths
) -> None:
    place = f"/cxr/runs/{undisturbed.key}"
    assert httpx.get(project.api + place).status_code == httpx.codes.UNAUTHORIZED
    page = cluster.api.page(place)
    assert "medical device" in page
    assert "synthetic" in page.lower()


@pytest.mark.parametrize("service", [*AIRFLOW, "postgres", "redis"])
def test_nobody_is_root_or_can_do_what_root_can(project: Project, service: str) -> None:
    shown = project.engine.output("top", project.container(service), "-eo", "pid,uid")
    pids = dict(line.split() for line in shown.splitlines()[1:])
    assert pids
    assert "0" not in pids.values()
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines())
        assert [int(facts[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")] == [0, 0, 0]
        assert facts["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", READERS)
def test_who_only_reads_the_volume_cannot_write_it(project: Project, service: str) -> None:
    done = project.inside(service, "touch", "/cxr-home/written")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    in_notes = project.inside(service, "touch", "/cxr-home/notes/.written").returncode
    assert (in_notes == 0) == (service == "apiserver")


def test_files_belong_to_the_user_and_the_group_may_write(
    cluster: Deployment, undisturbed: RunPaths
) -> None:
    assert undisturbed.root.is_relative_to(cluster.home)
    for path in (cluster.home, *cluster.home.rglob("*")):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (USER, GROUP), path
        mode = stat.S_IMODE(found.st_mode)
        assert mode & 0o060 == 0o060, f"{path}: {mode:o}"
        assert mode & 0o002 == 0, f"{path}: {mode:o}"


@pytest.mark.parametrize("service", [*AIRFLOW, "postgres", "redis"])
def test_memory_and_logs_have_an_end(project: Project, service: str) -> None:
    limits = project.inspect(service)["HostConfig"]
    assert limits["Memory"] > 0
    assert limits["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert project.memory_mb()[service] < limits["Memory"] / 1e6 / 2


def test_restarted_workers_give_their_tasks_back(
    project: Project, cluster: Deployment, undisturbed: RunPaths
) -> None:
    def restart(service: str, _run: RunPaths) -> None:
        began = time.monotonic()
        project.compose("restart", "--timeout", "60", service)
        print(f"{service} restarted in {time.monotonic() - began:.1f} s")

    check_given_back(cluster, undisturbed, restart, gap_seconds=GAP_SECONDS)


def test_killed_worker_is_started_again_and_costs_no_number(
    project: Project, cluster: Deployment, undisturbed: RunPaths
) -> None:
    before = project.inspect(TRAINING)["RestartCount"]

    def kill(_run: RunPaths) -> None:
        os.kill(project.inspect(TRAINING)["State"]["Pid"], signal.SIGKILL)

    check_killed_worker(cluster, undisturbed, kill)
    assert project.inspect(TRAINING)["RestartCount"] == before + 1


def test_no_health_check_was_false(project: Project, undisturbed: RunPaths) -> None:
    assert undisturbed.report.exists()
    for service in project.services:
        health = project.inspect(service)["State"]["Health"]
        assert (health["Status"], health["FailingStreak"]) == ("healthy", 0), service
        for each in health["Log"]:
            assert each["ExitCode"] == 0, f"{service}: {each['Output']}"


def test_what_is_mounted_must_belong_to_the_user(project: Project, folder: Path) -> None:
    of_root = folder / "of-root"
    of_root.mkdir(mode=0o755)
    done = project.try_compose("run", "--rm", "init", CXR_HOME_VOLUME=str(of_root))
    assert done.returncode != 0
    assert "User 50000 of group 0 cannot write /cxr-home." in done.stdout + done.stderr


def test_training_without_memory_says_so(project: Project, cluster: Deployment) -> None:
    project.compose("up", "--detach", "--no-build", TRAINING, CXR_TRAINING_MEMORY="600m")
    try:
        run = start_run("short-of-memory", cluster)
        wait_for_end(run, cluster)
    finally:
        project.compose("up", "--detach", "--no-build", TRAINING)
    failure = read_failure(run.error("train", VARIANT))
    assert failure.signal == "SIGKILL"
    assert "memory" in failure.message.lower()


def test_down_and_up_in_a_training_loses_nothing(
    project: Project, cluster: Deployment, undisturbed: RunPaths
) -> None:
    run = start_run("down-and-up", cluster)
    wait_for_epoch(run, cluster, DISTURBED_AT_EPOCH)
    before = sorted(undisturbed.root.rglob("*"))
    project.down()
    assert training_events(run)[-1].kind == "given back"
    print(f"up and healthy again in {project.up():.0f} s")
    password = project.values["CXR_ADMIN_PASSWORD"]
    with signed_in(project.api, user="admin", password=password) as api:
        again = replace(cluster, api=api)
        wait_for_success(run, again)
        assert state_and_tries(run, again, f"train.{VARIANT}") == ("success", 1)
        assert api.state(undisturbed.key) == "success"
        assert "medical device" in api.page(f"/cxr/runs/{undisturbed.key}")
    assert_same_numbers(run, undisturbed)
    assert sorted(undisturbed.root.rglob("*")) == before


def test_gpu_image_is_built(engine: Engine, images: BaseImages, folder: Path) -> None:
    """It is not run: that takes a graphics card."""
    began = time.monotonic()
    with built(engine, images, folder, kind="gpu") as name:
        size = engine.inspect(name)["Size"] / 1e9
        print(f"{name}: {size:.2f} GB, built in {time.monotonic() - began:.0f} s")
        inside(engine, name, "python", "-c", "import nvidia.cudnn")


def test_documents_name_the_commands_that_were_run() -> None:
    told = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    for command in ("docker build --tag cxr-pipeline:cpu .", "cxr_tasks secrets"):
        assert command in told
