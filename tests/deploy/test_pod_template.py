"""The pods of KubernetesExecutor, put together by the provider's own code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate import validate
from kubernetes_validate.utils import all_versions

from cxr_tasks.variants import VARIANTS
from tests.deploy.compose_file import ROOT
from tests.deploy.manifests import FOLDER, containers, read_template

CPU, GPU = (FOLDER / name for name in ("pod-template-cpu.yaml", "pod-template-gpu.yaml"))
ARGUMENTS = ["python", "-m", "airflow.sdk.execution_time.execute_workload"]

BUILD = """
import json, os, sys
from kubernetes.client import ApiClient
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_utils import (
    get_base_pod_from_template,
)
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

templates, arguments = json.loads(sys.argv[1]), sys.argv[2:]
config = KubeConfig()

def build(executor_config):
    return PodGenerator.construct_pod(
        namespace="cxr", scheduler_job_id="1", pod_id="cxr-1", dag_id="cxr_pipeline",
        task_id="train.vanilla_cnn", kube_image=config.kube_image, try_number=1, date=None,
        run_id="r", args=arguments, pod_override_object=PodGenerator.from_obj(executor_config),
        base_worker_pod=get_base_pod_from_template(
            executor_config.get("pod_template_file"), config
        ),
    )

pods = [build({}), *(build({"pod_template_file": each}) for each in templates)]
read = [PodGenerator.deserialize_model_file(each) for each in templates]
plain = ApiClient().sanitize_for_serialization
print(json.dumps({"default": plain(pods[0]), "built": dict(zip(templates, plain(pods[1:]))),
                  "read": dict(zip(templates, plain(read)))}))
"""

DESCRIBE = """
import json
from airflow.dag_processing.dagbag import BundleDagBag
dag = BundleDagBag("dags", bundle_path="dags", bundle_name="dags").dags["cxr_pipeline"]
print(json.dumps({task.task_id: task.executor_config for task in dag.tasks}))
"""


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("airflow")
    return {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(CPU),
        "CXR_HOME": str(folder / "cxr-home"),
        "CXR_TRAINING_POD_TEMPLATE": str(GPU),
    }


@pytest.fixture(scope="module")
def pods(environ: dict[str, str]) -> dict[str, Any]:
    """Return the pod of a task that names no template, and of both those built and those read."""
    return run_python(BUILD, json.dumps([str(CPU), str(GPU)]), *ARGUMENTS, environ=environ)


def run_python(code: str, *arguments: str, environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


def test_training_pod_has_one_card_the_volume_and_no_root(pods: dict[str, Any]) -> None:
    spec = pods["built"][str(GPU)]["spec"]
    (container,) = spec["containers"]
    assert container["name"] == "base"
    assert container["args"] == ARGUMENTS
    assert container["image"] == "cxr-pipeline:gpu"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"name": "CUDA_VISIBLE_DEVICES", "value": "0"} in container["env"]
    assert {"name": "cxr-home", "mountPath": "/cxr-home"} in container["volumeMounts"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["restartPolicy"] == "Never"


def test_other_tasks_pod_has_no_card(pods: dict[str, Any]) -> None:
    (container,) = pods["default"]["spec"]["containers"]
    assert container["image"] == "cxr-pipeline:cpu"
    assert "nvidia" not in json.dumps(container)


@pytest.mark.parametrize("template", [CPU, GPU], ids=lambda path: path.stem)
def test_no_key_of_the_template_is_lost(template: Path, pods: dict[str, Any]) -> None:
    """The client drops what it does not know without a word: a misspelt key would be gone."""
    assert pods["read"][str(template)] == read_template(template)


@pytest.mark.parametrize("version", [all_versions()[0], all_versions()[-1]])
@pytest.mark.parametrize("template", [CPU, GPU], ids=lambda path: path.stem)
def test_built_pod_follows_the_schema_and_keeps_what_makes_it_harmless(
    template: Path, version: str, pods: dict[str, Any]
) -> None:
    built, written = pods["built"][str(template)], read_template(template)
    validate(built, version, strict=True)
    assert built["spec"]["securityContext"] == written["spec"]["securityContext"]
    (container,), (as_written,) = containers(built), containers(written)
    assert container["securityContext"] == as_written["securityContext"]


def test_dag_asks_for_the_template_in_training_tasks_only(environ: dict[str, str]) -> None:
    configs = run_python(DESCRIBE, environ=environ)
    asked = {"pod_template_file": str(GPU)}
    trainings = {f"train.{name}" for name in VARIANTS}
    assert configs == {task: asked if task in trainings else {} for task in configs}
    assert trainings < set(configs)
