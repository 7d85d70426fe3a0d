"""The services of `docker-compose.yaml` in containers of an engine."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from threading import Event, Thread
from typing import Any, Self

import pytest
import yaml

from tests.cluster.checks import HEARTBEAT_SECONDS
from tests.cluster.topology import free_ports
from tests.containers.base_images import BaseImages
from tests.containers.engine import Engine
from tests.deploy.compose_file import COMPOSE_FILE, ROOT, read_compose, read_env

_APT, _PIP = Path("/etc/apt/apt.conf.d"), Path("/etc/pip.conf")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_HEALTHY_SECONDS = 300


@contextmanager
def built(engine: Engine, images: BaseImages, folder: Path, *, kind: str) -> Iterator[str]:
    """Build the project's image as the documents say, under a name that nobody else uses.

    How this machine reaches its package registries comes in as secrets of the build.
    """
    name = f"cxr-test-{secrets.token_hex(4)}:{kind}"
    arguments = ["--network", "host", "--build-arg", f"BUILD={kind}", "--tag", name]
    arguments += ["--build-arg", f"PYTHON_IMAGE={images.python}"]
    apt = folder / "apt.conf"
    apt.write_text("".join(path.read_text() for path in sorted(_APT.glob("99*"))))
    for secret, path in (("apt", apt), ("pip", _PIP), ("certificates", _CERTIFICATES)):
        if path.exists():
            arguments += ["--secret", f"id={secret},src={path}"]
    try:
        engine.output("build", "--quiet", *arguments, str(ROOT))
        yield name
    finally:
        engine.run("image", "rm", "--force", name)


class Project:
    """The services: started together, asked, killed one by one, and taken away.

    Args:
        engine: Where they run.
        images: What stands for the images of the servers.
        image: The project's.
        folder: Where the files of the project are: `.env`, and what the test changes.
    """

    def __init__(self, engine: Engine, images: BaseImages, image: str, folder: Path) -> None:
        self.engine = engine
        self.name = f"cxr{secrets.token_hex(4)}"
        self._compose = _compose_program(engine)
        self._env, self._changes = folder / ".env", folder / "changes.yaml"
        self.values = read_env(self._env)
        (port,) = free_ports(1)
        self.api = f"http://127.0.0.1:{port}"
        self._variables = {"CXR_UI_ADDRESS": f"127.0.0.1:{port}"}
        self._changes.write_text(yaml.safe_dump({"services": _changes(images, image)}))

    def up(self) -> float:
        """Start what does not run; wait until all is healthy, and give the seconds."""
        began = time.monotonic()
        self.compose("up", "--detach", "--no-build")
        while any(self.health(name) != "healthy" for name in self.services):
            assert time.monotonic() < began + _HEALTHY_SECONDS, self.told()
            time.sleep(0.5)
        return time.monotonic() - began

    def down(self) -> None:
        """Stop all and take the containers away; what they keep in volumes stays."""
        self.compose("down", "--timeout", "60")

    def compose(self, *arguments: str, **variables: str) -> str:
        """Run a command of Docker Compose on the project; it has to succeed."""
        done = self.try_compose(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_compose(self, *arguments: str, **variables: str) -> "CompletedProcess[str]":
        """Run such a command, which may fail, with variables set in its environment."""
        files = ["--file", str(COMPOSE_FILE), "--file", str(self._changes)]
        command = [
            *self._compose,
            "--env-file",
            str(self._env),
            "--project-name",
            self.name,
            *files,
        ]
        environ = self._variables | variables
        return self.engine.call([*command, *arguments], environ=environ, cwd=ROOT)

    @property
    def services(self) -> list[str]:
        """The services that last."""
        names = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"]
        return [name for name in names if name != "init"]

    def container(self, service: str) -> str:
        """Give the id of a service's container."""
        own = (f"project={self.name}", f"service={service}")
        labels = [part for each in own for part in ("--filter", f"label=com.docker.compose.{each}")]
        return self.engine.output("ps", "--all", "--quiet", "--no-trunc", *labels)

    def inspect(self, service: str) -> dict[str, Any]:
        """Give what the engine knows of a service's container."""
        return self.engine.inspect(self.container(service))

    def health(self, service: str) -> str:
        """Give what its health check says; of one that does not run, its state."""
        state = self.inspect(service)["State"]
        return str(state["Health"]["Status"] if state["Running"] else state["Status"])

    def inside(self, service: str, *command: str) -> "CompletedProcess[str]":
        """Run a command in a service's container."""
        return self.engine.run("exec", self.container(service), *command)

    def volume(self, name: str) -> Path:
        """Give where the engine keeps a volume on this machine."""
        found = self.engine.inspect(f"{self.name}_{name}")
        return Path(found["Mountpoint"])

    def told(self) -> str:
        """Give the ends of all logs, and the health of each service."""
        states = {name: self.health(name) for name in self.services}
        return f"{states}\n{self.compose('logs', '--tail', '15')[-20000:]}"

    def memory_mb(self) -> dict[str, float]:
        """Give the memory of each service now, without what the kernel could drop at once."""
        ids = {self.container(name): name for name in self.services}
        shown = self.engine.output("stats", "--no-stream", "--no-trunc", "--format", "{{json .}}")
        rows = [json.loads(line) for line in shown.splitlines()]
        return {
            ids[row["ID"]]: _megabytes(row["MemUsage"].split(" / ")[0])
            for row in rows
            if row["ID"] in ids
        }


class MemoryPeaks:
    """Looks at the memory of each service, every few seconds, while it is open.

    Attributes:
        highest: The most that was seen of each, in megabytes.
    """

    def __init__(self, project: Project) -> None:
        self.highest: dict[str, float] = {}
        self._project = project
        self._closing = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(1):
            for name, megabytes in self._project.memory_mb().items():
                self.highest[name] = max(megabytes, self.highest.get(name, 0))


@contextmanager
def running_project(
    engine: Engine, images: BaseImages, image: str, folder: Path
) -> Iterator[Project]:
    """Give a project that is taken away at the end, with its volumes."""
    project = Project(engine, images, image, folder)
    try:
        yield project
    finally:
        project.try_compose("down", "--timeout", "20", "--volumes", "--remove-orphans")


def _changes(images: BaseImages, image: str) -> Mapping[str, Any]:
    short = {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_SECONDS),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }
    servers = {"postgres": images.postgres, "redis": images.redis}
    changes: dict[str, Any] = {
        name: {"image": servers.get(name, image)} for name in read_compose()["services"]
    }
    changes["scheduler"]["environment"] = short
    return changes


def _compose_program(engine: Engine) -> Sequence[str]:
    """Find Docker Compose: the client's own part, or the program of old."""
    for program in ([engine.client, "compose"], ["docker-compose"]):
        try:
            done = engine.call([*program, "version"])
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return program
    pytest.skip("no Docker Compose; on Debian: apt-get install docker-compose")


def _megabytes(text: str) -> float:
    units = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1}
    unit = next(unit for unit in units if text.endswith(unit))
    return float(text.removesuffix(unit)) * units[unit] / 1e6
