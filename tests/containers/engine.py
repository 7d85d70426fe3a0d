"""A Docker engine: the one that runs, or one of the test's own, which it stops and takes away."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.machine.child_process import ending_with_parent
from tests.cluster import sessions

_PACKAGES = "apt-get install --no-install-recommends docker.io docker-compose debootstrap iptables"
_CLIENTS = ("docker", "/usr/bin/docker")  # a newer client without its builder may stand before it
_START_SECONDS, _STOP_SECONDS = 60, 60
MIN_FREE_GB = 25


class Engine:
    """An engine, as its command line sees it.

    Args:
        client: The program `docker`, one that can build with BuildKit.
        address: Where the engine listens; empty for the default.
    """

    def __init__(self, client: str, address: str) -> None:
        self.client = client
        self.environ = os.environ | {"DOCKER_BUILDKIT": "1"}
        if address:
            self.environ["DOCKER_HOST"] = address

    def run(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `docker` with arguments; what it says is in the result, and its failure too."""
        return self.call([self.client, *arguments], **options)

    def call(
        self, command: Sequence[str], *, environ: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program that talks to this engine, such as `docker-compose`."""
        return subprocess.run(
            command,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def output(self, *arguments: str, **options: Any) -> str:
        """Give what a command of `docker` prints; it has to succeed."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def inspect(self, name: str) -> dict[str, Any]:
        """Give what the engine knows of a container or an image."""
        (found,) = json.loads(self.output("inspect", name))
        return dict(found)


@contextmanager
def running_engine(folder: Path) -> Iterator[Engine]:
    """Give the engine that runs, or start one below a folder; skip where neither can be had."""
    client = next((name for name in _CLIENTS if _builds(name)), None)
    if client is None:
        pytest.skip(f"no docker that builds with BuildKit; on Debian, as root: {_PACKAGES}")
    if os.geteuid() != 0:
        pytest.skip("the suite reads the volumes of its containers, which needs root")
    engine = Engine(client, "")
    if engine.run("info", "--format", "{{.ServerVersion}}").returncode == 0:
        yield engine
        return
    missing = [name for name in ("dockerd", "iptables") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no engine runs, and no {' and no '.join(missing)}; on Debian: {_PACKAGES}")
    if (free := shutil.disk_usage(folder).free / 1e9) < MIN_FREE_GB:
        pytest.skip(f"{free:.0f} GB free below {folder}; an engine of its own needs {MIN_FREE_GB}")
    with _own_engine(folder, client) as engine:
        yield engine


@contextmanager
def _own_engine(folder: Path, client: str) -> Iterator[Engine]:
    socket = folder / "docker.sock"
    command = [str(shutil.which("dockerd")), "--bridge=none", f"--mtu={_mtu()}"]
    command.append(f"--host=unix://{socket}")
    for option, name in (("data-root", "data"), ("exec-root", "exec"), ("pidfile", "docker.pid")):
        command.append(f"--{option}={folder / name}")
    log = folder / "dockerd.log"
    process = sessions.start(ending_with_parent(command), os.environ, log)
    engine = Engine(client, f"unix://{socket}")
    try:
        deadline = time.monotonic() + _START_SECONDS
        while engine.run("info").returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"no engine could be started here: {log.read_text()[-600:]}")
            time.sleep(0.5)
        yield engine
    finally:
        sessions.stop([process], seconds=_STOP_SECONDS)
        shutil.rmtree(folder / "data", ignore_errors=True)


def _builds(client: str) -> bool:
    """Return whether a client is there and can hand files to a build without leaving them in it."""
    if shutil.which(client) is None:
        return False
    environ = os.environ | {"DOCKER_BUILDKIT": "1"}
    command = [client, "build", "--help"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "--secret" in done.stdout


def _mtu() -> int:
    """Give the largest packet of this machine's network: a container's must not be larger."""
    devices = Path("/sys/class/net").iterdir()
    found = [int((device / "mtu").read_text()) for device in devices if device.name != "lo"]
    return min(found, default=1500)
