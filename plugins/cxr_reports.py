"""The reports inside Airflow's UI: a tab on every run, and a page of all runs in the navigation.

What the pages show is made in `cxr_tasks.site`. Here stands who may see them: a signed-in
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
PIPELINE = "cxr_pipeline"
START, REFUSAL = "start", "refusal"
"""The task that opens a run, and the XCom in which it leaves why it has not."""


def make_app(environ: Mapping[str, str]) -> "FastAPI":
    """Make the pages' app; `CXR_HOME` names the shared volume, which may be read-only here.

    Its imports are in here because every task's process loads the plugins, and only the API
    server needs them.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from fastapi import Depends, FastAPI, Request
    from fastapi.responses import HTMLResponse
    from sqlalchemy import select

    from cxr_tasks.site.site import HEADERS, AirflowRun, Answer, Site
    from cxr_tasks.volume.paths import Home

    site = Site(Home(Path(environ.get("CXR_HOME", "cxr-home")).absolute()))
    reads_pipeline = Depends(requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=PIPELINE))
    reads_dag = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
    app = FastAPI(
        title="CXR reports",
        dependencies=[Depends(get_user)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    def base(request: Request) -> str:
        return str(request.scope["root_path"])

    def page(answer: Answer) -> HTMLResponse:
        return HTMLResponse(answer.body, answer.status, headers=HEADERS)

    @app.get("/runs", dependencies=[reads_pipeline])
    def all_runs(request: Request) -> HTMLResponse:
        return page(site.all_runs(request.query_params, base=base(request)))

    @app.get("/compare", dependencies=[reads_pipeline])
    def compared(request: Request, first: str = "", second: str = "") -> HTMLResponse:
        return page(site.compared(first, second, base=base(request)))

    @app.get("/runs/{run_key}", dependencies=[reads_pipeline])
    def report(request: Request, run_key: str, part: str = "") -> HTMLResponse:
        return page(site.run(run_key, base=base(request), part=part))

    # `requires_access_dag` reads the path's parameter of this name.
    @app.get("/{dag_id}/{run_id}", dependencies=[reads_dag])
    def tab(request: Request, dag_id: str, run_id: str, session: SessionDep) -> HTMLResponse:
        found = session.scalar(
            select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        )
        if found is None:
            return page(site.airflow_run(AirflowRun(dag_id, run_id, None), base=base(request)))
        start = found.get_task_instance(START, session=session)
        left: Any = XComModel.get_many(run_id=run_id, task_ids=START, dag_ids=dag_id)
        values = {each.key: XComModel.deserialize_value(each) for each in session.scalars(left)}
        asked = AirflowRun(
            dag_id,
            run_id,
            str(found.state),
            found.conf or {},
            start=str(start.state) if start else None,
            opening=values.get("return_value"),
            refusal=str(values.get(REFUSAL, "")),
        )
        return page(site.airflow_run(asked, base=base(request)))

    return app


class CxrReports(AirflowPlugin):
    """Adds the tab, the page and their app to Airflow."""

    name = "cxr_reports"
    external_views = [  # noqa: RUF012 - Airflow's own attribute
        {
            "name": "Report",
            "href": "cxr/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "cxr_report",
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
