"""What `docker-compose.yaml` promises: a valid file, no secret with a default, nobody is root."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cxr_tasks.cli.cluster_secrets import SECRETS, make_env_file
from cxr_tasks.machine.devices import POOL
from tests.deploy.compose_file import (
    COMPOSE_FILE,
    ROOT,
    read_compose,
    read_env,
    read_service,
    variables,
)

GPU_FILE = ROOT / "deploy" / "compose-gpu.yaml"
SERVICES: dict[str, dict[str, Any]] = read_compose()["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if name not in ("postgres", "redis")}
LASTING = {name: service for name, service in AIRFLOW.items() if name != "init"}
WORKERS = {name: service for name, service in AIRFLOW.items() if name.startswith("worker")}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    make_env_file(path)
    return path


@pytest.fixture
def values(env_file: Path) -> dict[str, str]:
    return read_env(env_file)


def test_file_follows_the_compose_specification() -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema, which has the schema")
    done = _check_schema(COMPOSE_FILE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_is_seen_to_refuse(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema, which has the schema")
    misspelt = tmp_path / "docker-compose.yaml"
    misspelt.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "health_check:"))
    assert _check_schema(misspelt).returncode == 1


def _check_schema(path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)


def test_compose_reads_it_with_secrets_and_refuses_it_without(env_file: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    command = [program, "--file", str(COMPOSE_FILE), "--env-file"]
    for path, expected in ((env_file, 0), (ROOT / ".env.example", 1)):
        done = subprocess.run(
            [*command, str(path), "config", "--quiet"], capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, done.stdout + done.stderr
    assert "python -m cxr_tasks secrets" in done.stderr


def test_no_secret_has_a_default() -> None:
    used = {name: mark for name, mark, _ in variables(COMPOSE_FILE.read_text())}
    assert {name for name, mark in used.items() if mark == ":?"} == set(SECRETS)
    named = [
        line
        for line in COMPOSE_FILE.read_text().splitlines()
        if re.search(r"(PASSWORD|SECRET|_KEY|AUTH): ", line)
    ]
    assert len(named) >= len(SECRETS)
    assert all("${CXR_" in line for line in named)


def test_every_variable_stands_in_the_example() -> None:
    example = read_env(ROOT / ".env.example")
    used = {name for name, _, _ in variables(COMPOSE_FILE.read_text())}
    assert used | {"COMPOSE_FILE"} == set(example)
    assert example["COMPOSE_FILE"] == COMPOSE_FILE.name
    for name, mark, default in variables(COMPOSE_FILE.read_text()):
        assert example[name] == (default if mark == ":-" else "")


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_not_root_and_cannot_become_it(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("0", "root", "")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned(name: str) -> None:
    image, tag = SERVICES[name]["image"].rsplit(":", 1)
    if image == "cxr-pipeline":
        assert tag in ("cpu", "gpu")
    else:
        assert re.fullmatch(r"[0-9a-f]{64}", tag)
        assert re.search(r":\d+\.\d+\.?\d*-bookworm@sha256$", image)


@pytest.mark.parametrize("name", LASTING)
def test_lasting_service_is_watched_and_restarted(name: str) -> None:
    assert LASTING[name]["healthcheck"]["test"]
    assert LASTING[name]["restart"] == "always"
    assert LASTING[name]["init"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_logs_and_memory_have_an_end(name: str) -> None:
    assert SERVICES[name]["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert SERVICES[name]["mem_limit"]


@pytest.mark.parametrize("name", AIRFLOW)
def test_all_share_secrets_and_volume(name: str, values: dict[str, str]) -> None:
    own, shared = (read_service(which, values)["environment"] for which in (name, "apiserver"))
    assert shared.items() <= own.items()
    assert set(own) - set(shared) <= {"CXR_ADMIN_PASSWORD"}
    writes = name in WORKERS or name == "init"
    home = f"${{CXR_HOME_VOLUME:-cxr-home}}:/cxr-home{'' if writes else ':ro'}"
    assert home in AIRFLOW[name]["volumes"]
    has_notes = "cxr-notes:/cxr-home/notes" in AIRFLOW[name]["volumes"]
    assert has_notes == (writes or name == "apiserver")


def test_trainings_have_a_worker_of_their_own() -> None:
    queues = [
        service["command"][service["command"].index("--queues") + 1] for service in WORKERS.values()
    ]
    assert sorted(queues) == ["default", POOL]
    assert not [name for name, service in SERVICES.items() if "profiles" in service]


def test_with_graphics_cards_the_same_worker_trains_and_no_other_has_a_card() -> None:
    (changed,) = yaml.safe_load(GPU_FILE.read_text(encoding="utf-8"))["services"].items()
    name, service = changed
    assert name in WORKERS
    assert service["image"] == "cxr-pipeline:gpu"
    assert service["build"]["args"] == {"BUILD": "gpu"}
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert not [each for each in SERVICES.values() if "deploy" in each]


def test_files_together_are_a_whole(env_file: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    files = [part for path in (COMPOSE_FILE, GPU_FILE) for part in ("--file", str(path))]
    done = subprocess.run(
        [program, *files, "--env-file", str(env_file), "config"],
        capture_output=True,
        text=True,
        check=False,
    )
    worker = yaml.safe_load(done.stdout)["services"]["worker-training"]
    assert (worker["image"], worker["healthcheck"]["retries"]) == ("cxr-pipeline:gpu", 5)


def test_only_the_ui_is_reachable_and_from_this_machine_only(values: dict[str, str]) -> None:
    published = {
        name: read_service(name, values)["ports"]
        for name, service in SERVICES.items()
        if "ports" in service
    }
    assert published == {"apiserver": ["127.0.0.1:8080:8080"]}


def test_executor_and_sign_in_load_in_the_locked_versions(
    values: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "from airflow.executors.executor_loader import ExecutorLoader;"
        "from airflow.api_fastapi.app import get_auth_manager_cls;"
        "print(ExecutorLoader.get_default_executor().__class__.__name__);"
        "print(get_auth_manager_cls().__name__)"
    )
    environ = {**os.environ, **read_service("scheduler", values)["environment"]}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environ | {"AIRFLOW_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[-2:] == ["CeleryExecutor", "FabAuthManager"], done.stderr[-3000:]
