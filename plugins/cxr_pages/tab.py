"""The routes of the tab that every run of a DAG has in Airflow's UI."""

from typing import TYPE_CHECKING, Any

from cxr_pages.requests import base, known, needs, respond

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cxr_tasks.site.airflow_run import AirflowRun
    from cxr_tasks.site.site import Site

START, REFUSAL = "start", "refusal"
"""The task that opens a run, and the XCom in which it leaves why it has not."""


def add_tab(app: "FastAPI", site: "Site") -> None:
    """Add them, last: their paths match most others."""
    from airflow.api_fastapi.common.db.common import SessionDep
    from fastapi import Request, Response

    # `requires_access_dag` reads the path's parameter of this name.
    @app.get("/{dag_id}/{run_id}/live", dependencies=[needs("GET")])
    def live(request: Request, dag_id: str, run_id: str, session: SessionDep) -> Response:
        asked = find_run(dag_id, run_id, session)
        answer = site.of_run.airflow_run(asked, base=base(request), known=known(request))
        return respond(answer)

    @app.get("/{dag_id}/{run_id}", dependencies=[needs("GET")])
    def tab(request: Request, dag_id: str, run_id: str, session: SessionDep) -> Response:
        asked = find_run(dag_id, run_id, session)
        return respond(site.of_run.airflow_run(asked, base=base(request)))


def find_run(dag_id: str, run_id: str, session: Any) -> "AirflowRun":
    """Return what Airflow knows of a DAG's run: its state, its tasks, the run that it opened."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    from cxr_tasks.site.airflow_run import AirflowRun
    from cxr_tasks.watching.run_progress import AirflowTask

    found = session.scalar(select(DagRun).filter_by(dag_id=dag_id, run_id=run_id))
    if found is None:
        return AirflowRun(dag_id, run_id, None)
    of_run = select(TaskInstance).filter_by(dag_id=dag_id, run_id=run_id)
    tasks = {
        each.task_id: AirflowTask(each.state and str(each.state), each.try_number, each.pool)
        for each in session.scalars(of_run)
    }
    left: Any = XComModel.get_many(run_id=run_id, task_ids=START, dag_ids=dag_id)
    values = {each.key: XComModel.deserialize_value(each) for each in session.scalars(left)}
    return AirflowRun(
        dag_id,
        run_id,
        str(found.state),
        found.conf or {},
        start=str(tasks[START].state) if START in tasks else None,
        opening=values.get("return_value"),
        refusal=str(values.get(REFUSAL, "")),
        tasks=tasks,
    )
