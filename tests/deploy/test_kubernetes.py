"""`deploy/kubernetes` as kubectl renders it, and by the published schemas of Kubernetes' API."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import ValidationError, validate
from kubernetes_validate.utils import all_versions

from cxr_tasks.cli.cluster_secrets import make_env_file
from tests.deploy.compose_file import ROOT, read_env
from tests.deploy.manifests import (
    FOLDER,
    FROM_ENV_FILE,
    Object,
    containers,
    pod_of,
    read_objects,
    read_template,
)

OBJECTS = {f"{each['kind']}/{each['metadata']['name']}": each for each in read_objects()}
LOOSE = {path.stem: read_template(path) for path in FOLDER.glob("pod-*.yaml")}
LOOSE["namespace"] = read_template(FOLDER / "namespace.yaml")

VERSIONS = all_versions()[0], all_versions()[-1]
"""The oldest and the newest Kubernetes whose schemas the validator has."""

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


@needs_kubectl
def test_kubectl_renders_what_the_other_tests_look_at() -> None:
    assert by_name(rendered(FOLDER)) == OBJECTS


@needs_kubectl
def test_edits_of_the_page_set_image_and_card_wherever_they_have_to_be(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "deploy" / "kubernetes")
    for command in edits():
        subprocess.run(["/bin/bash", "-c", command], cwd=tmp_path, check=True)
    made = by_name(rendered(folder))
    made_pods = {name: pod for name, item in made.items() if (pod := pod_of(item)) is not None}
    made_pods.pop("StatefulSet/postgres")
    for pod in made_pods.values():
        assert {each["image"] for each in containers(pod)} == {"REGISTRY/cxr-pipeline:cpu"}
    templates = made["ConfigMap/pod-templates"]["data"]
    for name, image, cards in (("task", "cpu", None), ("training", "gpu", "1")):
        (container,) = yaml.safe_load(templates[f"{name}.yaml"])["spec"]["containers"]
        assert container["image"] == f"REGISTRY/cxr-pipeline:{image}"
        assert container["resources"]["limits"].get("nvidia.com/gpu") == cards


def edits() -> list[str]:
    """Return the commands by which docs/kubernetes.md changes files."""
    lines = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("sed ")]


@needs_kubectl
def test_secret_is_made_of_the_file_that_the_command_writes(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    make_env_file(env_file)
    made = run_kubectl(
        *("create", "secret", "generic", FROM_ENV_FILE, f"--from-env-file={env_file}"),
        *("--dry-run=client", "--output=json"),
    )
    data = json.loads(made)["data"]
    values = {name: base64.b64decode(value or "").decode() for name, value in data.items()}
    assert values == read_env(env_file)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [*OBJECTS, *LOOSE])
def test_object_follows_the_schema_of_its_kind(name: str, version: str) -> None:
    validate((OBJECTS | LOOSE)[name], version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"readOnlyRootFilesystem": true', '"readOnlyRootFileSystem": true'),
        ('"replicas": 1', '"replica": 1'),
        ('"containerPort": 8080', '"containerPort": "8080"'),
        ('"runAsNonRoot": true', '"runAsNonRoot": "yes"'),
    ],
    ids=["misspelt deep in it", "misspelt near its top", "no number", "no truth value"],
)
def test_the_schemas_are_seen_to_refuse(right: str, wrong: str, version: str) -> None:
    text = json.dumps(OBJECTS["Deployment/apiserver"])
    assert right in text
    with pytest.raises(ValidationError):
        validate(json.loads(text.replace(right, wrong)), version, strict=True)


def rendered(folder: Path) -> list[Object]:
    return list(yaml.safe_load_all(run_kubectl("kustomize", str(folder))))


def by_name(objects: list[Object]) -> dict[str, Object]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}


def run_kubectl(*arguments: str) -> str:
    command = [str(KUBECTL), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
