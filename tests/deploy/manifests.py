"""`deploy/kubernetes` as the tests read it: the objects that kustomize makes of its files."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.compose_file import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
FROM_ENV_FILE = "cxr-env"
"""The Secret that is made of `.env`."""

Object = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "namespace", "resources", "images", "configMapGenerator"}
_REFERENCE = re.compile(r"\$\((\w+)\)")


def read_kustomization() -> Object:
    """Read the file; a key whose effect `read_objects` would miss is refused."""
    (found,) = _documents(FOLDER / "kustomization.yaml")
    assert found.pop("generatorOptions") == {"disableNameSuffixHash": True}
    assert set(found) == _KNOWN
    return found


def read_objects() -> list[Object]:
    """Make the objects of the kustomization: lists taken apart, maps generated."""
    wanted = read_kustomization()
    found = [each for name in wanted["resources"] for each in _items(FOLDER / name)]
    found += [_config_map(each) for each in wanted["configMapGenerator"]]
    return [_placed(each, wanted["namespace"]) for each in found]


def pod_of(item: Object) -> Object | None:
    """Return the pod that an object makes, its metadata and spec; None where it makes none."""
    template: Object | None = item.get("spec", {}).get("template")
    return template


def pods() -> dict[str, Object]:
    """Return every pod by the name of what makes it, those of tasks among them."""
    made = ((each["metadata"]["name"], pod_of(each)) for each in read_objects())
    found = {name: pod for name, pod in made if pod is not None}
    return found | {path.stem: read_template(path) for path in sorted(FOLDER.glob("pod-*.yaml"))}


def read_template(path: Path) -> Object:
    """Read a file that describes one pod."""
    (pod,) = _documents(path)
    return pod


def containers(pod: Object) -> list[Object]:
    """Return a pod's containers, those that run before the others first."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Object, secret: Mapping[str, str]) -> dict[str, str]:
    """Return what a container's `env` says, as the cluster fills it in."""
    values: dict[str, str] = {}
    for entry in container["env"]:
        values[entry["name"]] = _value(entry, secret, values)
    return values


def _value(entry: Object, secret: Mapping[str, str], before: Mapping[str, str]) -> str:
    if "value" in entry:
        # a name that does not stand above it stays as it is written, in a cluster too
        return _REFERENCE.sub(lambda found: before.get(found[1], found[0]), entry["value"])
    source = entry["valueFrom"]
    if "fieldRef" in source:
        assert source == {"fieldRef": {"fieldPath": "metadata.namespace"}}
        return str(read_kustomization()["namespace"])
    assert source["secretKeyRef"]["name"] == FROM_ENV_FILE
    return secret[source["secretKeyRef"]["key"]]


def _documents(path: Path) -> list[Object]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _items(path: Path) -> Iterator[Object]:
    for document in _documents(path):
        yield from document["items"] if document["kind"] == "List" else [document]


def _config_map(wanted: Object) -> Object:
    assert set(wanted) == {"name", "files"}
    files = (entry.split("=") for entry in wanted["files"])
    data = {key: (FOLDER / name).read_text(encoding="utf-8") for key, name in files}
    metadata = {"name": wanted["name"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _placed(item: Object, namespace: str) -> Object:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}
