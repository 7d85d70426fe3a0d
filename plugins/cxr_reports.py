"""The reports inside Airflow's UI: tabs on every run, and a page of all runs in the navigation.

What the pages show is made in `cxr_tasks.site`. Who may see them stands in `cxr_pages`: a signed-in
user with the right to read the DAG's runs. Airflow does not guard a plugin's pages by itself.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/cxr"


def make_app(environ: Mapping[str, str]) -> "FastAPI":
    """Make the pages' app.

    Args:
        environ: `CXR_HOME` names the shared volume, which may be read-only here, but for notes.
    """
    from airflow.api_fastapi.core_api.security import get_user
    from cxr_pages.again import add_again
    from cxr_pages.champion import add_champion
    from cxr_pages.notes import add_notes
    from cxr_pages.runs import add_runs
    from cxr_pages.tab import add_tab
    from fastapi import Depends, FastAPI

    from cxr_tasks.site.site import Site
    from cxr_tasks.volume.paths import Home

    site = Site(Home(Path(environ.get("CXR_HOME", "cxr-home")).absolute()))
    app = FastAPI(
        title="CXR reports",
        dependencies=[Depends(get_user)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    add_runs(app, site)
    add_notes(app, site)
    add_champion(app, site)
    add_again(app, site, environ)
    add_tab(app, site)
    return app


class CxrReports(AirflowPlugin):
    """Adds the tabs, the page and their app to Airflow."""

    name = "cxr_reports"
    external_views = [  # noqa: RUF012 - Airflow's own attribute
        {
            "name": "Report",
            "href": "cxr/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "cxr_report",
        },
        {
            "name": "Run again",
            "href": "cxr/again/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "cxr_again",
        },
        {
            "name": "CXR reports",
            "href": "cxr/runs",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "cxr_reports",
        },
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the app, made when the API server asks for it."""
        return [{"app": make_app(os.environ), "url_prefix": PREFIX, "name": "CXR reports"}]
