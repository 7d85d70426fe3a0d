"""`deploy/kubernetes` beside `docker-compose.yaml`: the same environment, commands and folders."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cxr_tasks.cli.cluster_secrets import make_env_file
from tests.deploy.compose_file import (
    COMPOSE_FILE,
    ROOT,
    read_compose,
    read_env,
    read_service,
    variables,
)
from tests.deploy.manifests import (
    FROM_ENV_FILE,
    Object,
    containers,
    environment,
    pods,
    read_kustomization,
    read_objects,
)

PODS = pods()
GPU_FILE = ROOT / "deploy" / "compose-gpu.yaml"
PARTS = ["init", "apiserver", "scheduler", "dag-processor", "triggerer"]
"""The parts of Airflow that have one name in both."""

SERVICE_OF = {name: name for name in [*PARTS, "postgres"]} | {
    "pod-template-cpu": "worker-training",
    "pod-template-gpu": "worker-training",
}

OF_CELERY = re.compile("AIRFLOW__CELERY")
OF_KUBERNETES = {
    "AIRFLOW__KUBERNETES_EXECUTOR__DELETE_WORKER_PODS_ON_FAILURE",
    "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE",
    "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT",
    "CXR_POSTGRES_PASSWORD",
    "CXR_TRAINING_POD_TEMPLATE",
}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return a `.env` in which the operator has filled in everything, each with its own name."""
    path = tmp_path_factory.mktemp("secrets") / ".env"
    make_env_file(path)
    drawn = read_env(path)
    return {name: value or f"filled in: {name}" for name, value in drawn.items()}


@pytest.mark.parametrize("name", PARTS)
def test_environment_is_the_same(name: str, values: dict[str, str]) -> None:
    service = read_service(name, values)["environment"]
    expected = {key: value for key, value in service.items() if not OF_CELERY.match(key)}
    expected["AIRFLOW__CORE__EXECUTOR"] = "KubernetesExecutor"
    expected.pop("CXR_ADMIN_PASSWORD", None)  # the next test
    for container in containers(PODS[name]):
        found = environment(container, values)
        assert found.keys() - expected.keys() == OF_KUBERNETES
        assert {key: value for key, value in found.items() if key not in OF_KUBERNETES} == expected


def test_only_what_makes_the_first_user_has_the_whole_file_with_its_password() -> None:
    having = {
        (name, container["name"]): container["envFrom"]
        for name, pod in PODS.items()
        for container in containers(pod)
        if "envFrom" in container
    }
    assert having == {("init", "init"): [{"secretRef": {"name": FROM_ENV_FILE}}]}
    assert "CXR_ADMIN_PASSWORD" in read_compose()["services"]["init"]["environment"]


@pytest.mark.parametrize(
    ("name", "more"),
    # as the container counts: it sees the one card that it was given
    [("pod-template-cpu", {}), ("pod-template-gpu", {"CUDA_VISIBLE_DEVICES": "0"})],
)
def test_task_has_its_workers_settings_and_no_secret_of_airflows(
    name: str, more: dict[str, str], values: dict[str, str]
) -> None:
    (container,) = containers(PODS[name])
    worker = read_service(SERVICE_OF[name], values)["environment"]
    expected = {key: value for key, value in worker.items() if not key.startswith("AIRFLOW__")}
    address = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
    assert environment(container, values) == expected | more | {address: worker[address]}


def test_database_is_the_same(values: dict[str, str]) -> None:
    service = read_service("postgres", values)
    (container,) = containers(PODS["postgres"])
    found = environment(container, values)
    ((_, folder),) = (each.split(":") for each in service["volumes"])
    assert Path(found.pop("PGDATA")).parent == Path(folder)
    assert found == service["environment"]
    assert container["image"] == service["image"]
    assert container["livenessProbe"]["exec"]["command"] == service["healthcheck"]["test"][1:]


@pytest.mark.parametrize("name", PODS)
def test_key_is_in_the_secret_and_only_what_has_an_empty_default_may_be_missing(
    name: str, values: dict[str, str]
) -> None:
    may_be_missing = {
        key for key, mark, rest in variables(COMPOSE_FILE.read_text()) if (mark, rest) == (":-", "")
    }
    for container in containers(PODS[name]):
        for entry in container["env"]:
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                assert reference["key"] in values
                optional = reference.get("optional", False)
                assert optional is (reference["key"] in may_be_missing), reference["key"]


@pytest.mark.parametrize("name", PARTS)
def test_command_is_the_same(name: str, values: dict[str, str]) -> None:
    container = containers(PODS[name])[-1]
    assert [each.rstrip() for each in container["args"]] == [
        each.rstrip() for each in read_service(name, values)["command"]
    ]
    assert "command" not in container


@pytest.mark.parametrize("name", ["apiserver", "scheduler"])
def test_question_to_a_part_that_answers_is_the_same(name: str, values: dict[str, str]) -> None:
    container = containers(PODS[name])[-1]
    code = read_service(name, values)["healthcheck"]["test"][-1]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    probe = container["livenessProbe"]["httpGet"]
    assert f"'http://localhost:{ports[probe['port']]}{probe['path']}'" in code


@pytest.mark.parametrize("name", ["dag-processor", "triggerer"])
def test_check_of_a_part_that_does_not_is_the_same(name: str, values: dict[str, str]) -> None:
    probe = containers(PODS[name])[-1]["livenessProbe"]
    assert probe["exec"]["command"] == read_service(name, values)["healthcheck"]["test"][1:]


@pytest.mark.parametrize("name", SERVICE_OF)
def test_user_image_and_end_of_every_process_are_the_same(
    name: str, values: dict[str, str]
) -> None:
    service, spec = read_service(SERVICE_OF[name], values), PODS[name]["spec"]
    if name == "pod-template-gpu":
        service |= yaml.safe_load(GPU_FILE.read_text(encoding="utf-8"))["services"][
            SERVICE_OF[name]
        ]
    assert {container["image"] for container in containers(PODS[name])} == {service["image"]}
    if name != "postgres":  # there the compose file has the image's own name for the number
        user = spec["securityContext"]
        assert f"{user['runAsUser']}:{user['runAsGroup']}" == service["user"]
    assert spec["shareProcessNamespace"] is service["init"] is True


@pytest.mark.parametrize("name", [*PARTS, "postgres"])
def test_memory_ends_at_the_same_limit(name: str, values: dict[str, str]) -> None:
    limit = read_service(name, values)["mem_limit"].replace("g", "Gi")
    for container in containers(PODS[name]):
        assert container["resources"]["limits"]["memory"] == limit


def test_kustomization_leaves_the_image_as_it_is_called_here() -> None:
    (image,) = read_kustomization()["images"]
    assert image["newName"] == image["name"]
    named = {each["image"] for name in PARTS for each in containers(PODS[name])}
    assert named == {f"{image['newName']}:{image['newTag']}"}


@pytest.mark.parametrize("name", [*PARTS, "pod-template-cpu", "pod-template-gpu"])
def test_folders_of_the_shared_volumes_are_the_same(name: str, values: dict[str, str]) -> None:
    mounts = containers(PODS[name])[-1]["volumeMounts"]
    shared = [mount for mount in mounts if mount["name"] in ("cxr-home", "airflow-logs")]
    expected = set(read_service(SERVICE_OF[name], values)["volumes"])
    if "cxr-home:/cxr-home" in expected:  # which has the notes in it, not a volume of their own
        expected.remove("cxr-notes:/cxr-home/notes")
    assert {as_in_compose(mount) for mount in shared} == expected


def as_in_compose(mount: Object) -> str:
    name = "cxr-notes" if mount.get("subPath") == "notes" else mount["name"]
    return f"{name}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"


def test_executor_is_told_where_the_pods_of_tasks_and_trainings_are(values: dict[str, str]) -> None:
    (scheduler,) = PODS["scheduler"]["spec"]["containers"]
    found = environment(scheduler, values)
    (mounted,) = (each for each in scheduler["volumeMounts"] if each["name"] == "pod-templates")
    (generated,) = (each for each in read_objects() if each["kind"] == "ConfigMap")
    named = {"AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE", "CXR_TRAINING_POD_TEMPLATE"}
    told = {found[name].removeprefix(f"{mounted['mountPath']}/") for name in named}
    assert told == generated["data"].keys()


LOAD = """
import json, os
from airflow.api_fastapi.app import get_auth_manager_cls
from airflow.configuration import conf
from airflow.executors.executor_loader import ExecutorLoader
from airflow.providers_manager import ProvidersManager
ProvidersManager().initialize_providers_configuration()
known = conf.configuration_description
names = [name.lower().split("__")[1:] for name in os.environ if name.startswith("AIRFLOW__")]
print(json.dumps([
    ExecutorLoader.get_default_executor().__class__.__name__,
    get_auth_manager_cls().__name__,
    [f"[{section}] {key}" for section, key in names if key not in known[section]["options"]],
]))
"""


def test_locked_versions_have_executor_sign_in_and_every_setting(
    values: dict[str, str], tmp_path: Path
) -> None:
    declared = environment(containers(PODS["scheduler"])[-1], values)
    own = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD],
        env=own | declared | {"AIRFLOW_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == ["KubernetesExecutor", "FabAuthManager", []]
