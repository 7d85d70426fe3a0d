"""Airflow as `make ui` serves it, and Chromium signed in to it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cxr_tasks.paths import Home
from tests.dags.airflow_cli import ROOT, make_airflow_home, run_python

CHROMIUM_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 60_000
_READY_SECONDS = 240


@dataclass(frozen=True)
class Ui:
    """Airflow's UI on this machine, and the shared volume behind it."""

    address: str
    user: str
    password: str
    home: Home


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium; skip where there is none."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(CHROMIUM_ARGUMENTS)
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder for pictures, which `CXR_SCREENSHOTS` may name."""
    named = os.environ.get("CXR_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """Serve Airflow's UI from a home of its own."""
    folder = tmp_path_factory.mktemp("airflow-ui")
    port = _free_port()
    environ = make_airflow_home(folder) | {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
    }
    pools = folder / "pools.json"
    pools.write_text(run_python(["-m", "cxr_tasks", "pools"], environ, expected=0).stdout)
    run_python(["-m", "airflow", "pools", "import", str(pools)], environ, expected=0)
    log = folder / "ui.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "cxr_tasks", "ui"], env=environ, cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        told = _wait_until_told(server, log)
        yield Ui(f"http://localhost:{port}", told["user"], told["password"],
                 Home(folder / "cxr-home"))  # fmt: skip
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


@pytest.fixture(scope="session")
def page(chromium: Browser, ui: Ui) -> Iterator[Page]:
    """Give a window that is signed in as the user whom the command line named."""
    context = chromium.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{ui.address}/dags/cxr_pipeline")
    page.locator("input[name=username]").fill(ui.user)
    page.locator("input[name=password]").fill(ui.password)
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Trigger").wait_for()
    yield page
    context.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def _wait_until_told(server: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """Wait until the command says where the UI is and who may sign in."""
    deadline = time.monotonic() + _READY_SECONDS
    while "password" not in (text := log.read_text()):
        assert server.poll() is None, text
        assert time.monotonic() < deadline, text
        time.sleep(1)
    return dict(re.findall(r"^  (user|password)\s+(\S+)$", text, re.MULTILINE))
