"""Airflow as `make ui` serves it, and Chromium signed in to it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.dags.standalone import Ui, serving_ui

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 60_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium; skip where there is none."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
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
    with serving_ui(tmp_path_factory.mktemp("airflow-ui")) as served:
        yield served


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
