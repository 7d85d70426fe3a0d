"""The objects of `deploy/kubernetes` among themselves: what one names another has; who may what."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.deploy.manifests import (
    FOLDER,
    Object,
    containers,
    pods,
    read_kustomization,
    read_objects,
    read_template,
)

OBJECTS = {f"{each['kind']}/{each['metadata']['name']}": each for each in read_objects()}
PODS = pods()
AIRFLOW = {name: pod for name, pod in PODS.items() if name != "postgres"}
TASKS = {"pod-template-cpu", "pod-template-gpu"}

every_pod = pytest.mark.parametrize("name", PODS)


@every_pod
def test_every_mount_has_its_volume_and_every_volume_a_mount(name: str) -> None:
    volumes = volumes_of(name)
    mounts = {mount["name"] for each in containers(PODS[name]) for mount in each["volumeMounts"]}
    assert mounts <= volumes
    # the parts of Airflow have one list of volumes, of which `init` leaves one alone
    assert volumes - mounts <= ({"pod-templates"} if name == "init" else set())


@every_pod
def test_what_a_volume_is_made_of_exists(name: str) -> None:
    for volume in PODS[name]["spec"]["volumes"]:
        kind, source = next((key, value) for key, value in volume.items() if key != "name")
        if kind == "persistentVolumeClaim":
            assert f"PersistentVolumeClaim/{source['claimName']}" in OBJECTS
        elif kind == "configMap":
            assert f"ConfigMap/{source['name']}" in OBJECTS
        else:
            assert (kind, source) == ("emptyDir", {})


def test_shared_volumes_can_be_mounted_by_several_nodes() -> None:
    modes = {name: each["spec"]["accessModes"] for name, each in of_kind("PersistentVolumeClaim")}
    assert modes == {"cxr-home": ["ReadWriteMany"], "airflow-logs": ["ReadWriteMany"]}


@pytest.mark.parametrize("name", ["apiserver", "postgres"])
def test_service_leads_to_a_port_of_its_pod(name: str) -> None:
    service = OBJECTS[f"Service/{name}"]["spec"]
    assert selected(service["selector"]) == {name}
    (port,) = service["ports"]
    named = {each["name"]: each["containerPort"] for each in containers(PODS[name])[-1]["ports"]}
    assert named[port["targetPort"]] == port["port"]


def test_every_part_selects_its_own_pods_alone() -> None:
    lasting = [*of_kind("Deployment"), *of_kind("StatefulSet")]
    assert len(lasting) == 5
    for name, item in lasting:
        assert selected(item["spec"]["selector"]["matchLabels"]) == {name}


def test_database_is_open_to_those_that_have_its_address_and_to_no_task() -> None:
    policy = OBJECTS["NetworkPolicy/postgres"]["spec"]
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]
    assert selected(policy["podSelector"]["matchLabels"]) == {"postgres"}
    let_in = selected(peer["podSelector"]["matchLabels"])
    assert let_in == {name for name in PODS if "SQL_ALCHEMY_CONN" in json.dumps(PODS[name])}
    assert let_in == AIRFLOW.keys() - TASKS
    (port,) = OBJECTS["Service/postgres"]["spec"]["ports"]
    assert rule["ports"] == [{"protocol": "TCP", "port": port["port"]}]


@every_pod
def test_pod_is_not_root_and_cannot_become_it(name: str) -> None:
    """The rules of the level `restricted`, which namespace.yaml has the cluster enforce."""
    user = PODS[name]["spec"]["securityContext"]
    assert user["runAsNonRoot"] is True
    assert user["runAsUser"] > 0
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(PODS[name]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


@every_pod
def test_only_the_scheduler_may_ask_the_cluster(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is (name == "scheduler")
    assert spec.get("serviceAccountName") == ("scheduler" if name == "scheduler" else None)


def test_its_rights_are_the_calls_that_the_executor_makes() -> None:
    """A provider that began to ask for more would be refused by the cluster."""
    provider = distribution("apache-airflow-providers-cncf-kubernetes")
    folder = Path(str(provider.locate_file("airflow/providers/cncf/kubernetes/executors")))
    text = "".join(path.read_text() for path in folder.glob("kubernetes_*.py"))
    calls = set(re.findall(r"\b([a-z]+)_namespaced_(\w+)", text))
    # of the API server, which reads logs on the volume instead
    calls.remove(("read", "pod_log"))
    assert {kind for _, kind in calls} == {"pod"}
    verbs = {"get" if verb == "read" else verb for verb, _ in calls} | {"watch"}
    (rule,) = OBJECTS["Role/task-pods"]["rules"]
    assert rule == {"apiGroups": [""], "resources": ["pods"], "verbs": sorted(verbs)}


def test_rights_are_bound_to_it_in_the_one_namespace() -> None:
    binding, namespace = OBJECTS["RoleBinding/task-pods"], read_kustomization()["namespace"]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", "task-pods")
    subject = {"kind": "ServiceAccount", "name": "scheduler", "namespace": namespace}
    assert binding["subjects"] == [subject]
    assert "ServiceAccount/scheduler" in OBJECTS
    assert read_template(FOLDER / "namespace.yaml")["metadata"]["name"] == namespace


@every_pod
def test_node_is_told_what_each_container_needs(name: str) -> None:
    for container in containers(PODS[name]):
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert set(container["resources"]["limits"]) - {"nvidia.com/gpu"} == {"memory"}


def of_kind(kind: str) -> list[tuple[str, Object]]:
    return [(each["metadata"]["name"], each) for each in OBJECTS.values() if each["kind"] == kind]


def selected(labels: dict[str, str]) -> set[str]:
    """Name the pods that a selector chooses."""
    return {
        name
        for name, pod in PODS.items()
        if labels.items() <= pod["metadata"].get("labels", {}).items()
    }


def volumes_of(name: str) -> set[str]:
    claimed = OBJECTS.get(f"StatefulSet/{name}", {"spec": {}})["spec"]
    templates = claimed.get("volumeClaimTemplates", [])
    declared = {each["name"] for each in PODS[name]["spec"]["volumes"]}
    return declared | {each["metadata"]["name"] for each in templates}
