"""The services of `docker-compose.yaml` as processes of this machine.

Commands, environment and health checks are the file's own. What differs: addresses, folders and
ports; several workers on one machine need a name and a log port each; times are short.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_tasks.cli.cluster_secrets import make_env_file
from tests.cluster import sessions
from tests.cluster.checks import HEARTBEAT_SECONDS
from tests.cluster.servers import Servers
from tests.deploy.compose_file import ROOT, read_env, read_service

_START_SECONDS = 180
_STOP_SECONDS = 30
_API_PORT, _SCHEDULER_PORT = ":8080", ":8974"
_IMAGE_FOLDER = "/opt/cxr"


@dataclass
class Cluster:
    """The parts that run: started one by one, stopped together."""

    folder: Path
    servers: Servers
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw the secrets and find the ports."""
        make_env_file(self.folder / ".env")
        self.values = read_env(self.folder / ".env") | {"CXR_TRAINING_SLOTS": "2"}
        self.api_port, self.scheduler_port, self.trigger_port = free_ports(3)
        for folder in (self.home / "notes", self.folder / "airflow" / "logs"):
            folder.mkdir(parents=True)

    @property
    def home(self) -> Path:
        """The shared volume."""
        return self.folder / "cxr-home"

    @property
    def api(self) -> str:
        """The address of the API server."""
        return f"http://localhost:{self.api_port}"

    def run_once(self, service: str) -> None:
        """Run a service that ends by itself."""
        command = self._service(service)["command"]
        done = subprocess.run(
            command,
            env=self.environ(service),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def start(self, service: str, name: str = "", *, arguments: Sequence[str] = ()) -> None:
        """Start a service, several times under other names if wanted."""
        name = name or service
        command, environ = self._service(service)["command"], self.environ(service)
        if command[:3] == ["airflow", "celery", "worker"]:
            environ["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(free_ports(1)[0])
            arguments = ["--celery-hostname", f"{name}@{socket.gethostname()}"]
        self.processes[name] = sessions.start(
            [*command, *arguments], environ, self.folder / f"{name}.log"
        )

    def wait_until_healthy(self, service: str, name: str = "") -> None:
        """Wait until the service's own health check succeeds."""
        name = name or service
        test, environ = self._service(service)["healthcheck"]["test"], self.environ(service)
        command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1]]
        command = [
            part.replace("celery@$HOSTNAME", f"{name}@{socket.gethostname()}") for part in command
        ]
        deadline = time.monotonic() + _START_SECONDS
        while True:
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            told = f"{name}: {done.stdout[-1000:]}{done.stderr[-1000:]}\n{self.log(name)}"
            assert self.processes[name].poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(1)

    def logs(self) -> str:
        """Give the ends of what all of them have printed."""
        return "\n".join(f"== {name}\n{self.log(name)}" for name in self.processes)

    def log(self, name: str) -> str:
        """Give the end of what a process has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-5000:]

    def stop(self) -> None:
        """Stop all, workers first: they have to report their last task."""
        names = sorted(self.processes, key=lambda name: not name.startswith("worker"))
        workers = [name for name in names if name.startswith("worker")]
        for part in (workers, [name for name in names if name not in workers]):
            sessions.stop([self.processes[name] for name in part], seconds=_STOP_SECONDS)
        self.processes.clear()

    def environ(self, service: str) -> dict[str, str]:
        """Give a service's environment, addresses and folders those of this machine."""
        path = f"{Path(sys.executable).absolute().parent}{os.pathsep}{os.environ['PATH']}"
        own = {key: value for key, value in os.environ.items() if _is_neutral(key)}
        declared: dict[str, str] = self._service(service)["environment"]
        return own | {"PATH": path} | declared | self._moved()

    def _moved(self) -> dict[str, str]:
        database = f"postgresql+psycopg2://{self.servers.database}"
        return {
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "CXR_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.api}/execution/",
            "AIRFLOW__API__PORT": str(self.api_port),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "AIRFLOW__CELERY__BROKER_URL": self.servers.broker,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.scheduler_port),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.trigger_port),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_SECONDS),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        }

    def _service(self, name: str) -> dict[str, Any]:
        found = read_service(name, self.values)
        ports = {_API_PORT: f":{self.api_port}", _SCHEDULER_PORT: f":{self.scheduler_port}"}
        moved = ports | {_IMAGE_FOLDER: str(ROOT)}
        if "healthcheck" in found:
            test = found["healthcheck"]["test"]
            found["healthcheck"]["test"] = [_replaced(part, moved) for part in test]
        return found


def free_ports(n_ports: int) -> list[int]:
    """Find ports that nothing listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(n_ports)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _is_neutral(name: str) -> bool:
    return not name.startswith(("AIRFLOW", "CXR_", "COMPOSE_"))
