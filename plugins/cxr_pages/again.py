"""The routes of the form by which a run is started again with changes.

Whoever may read the DAG's runs sees it; only whoever may start runs by Airflow's own form may send
it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cxr_pages.requests import PIPELINE, base, from_own_page, may, needs, respond, sent_form
from cxr_pages.tab import find_run

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cxr_tasks.site.answer import Answer
    from cxr_tasks.site.site import Site

Form = dict[str, list[str]]


def add_again(app: "FastAPI", site: "Site", environ: Mapping[str, str]) -> None:
    """Add them; `environ` names the operator's defaults."""
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import GetUserDep
    from fastapi import Request
    from fastapi.responses import RedirectResponse, Response

    from cxr_tasks.errors import CxrError
    from cxr_tasks.settings.defaults import read_defaults
    from cxr_tasks.site.again import conf_of

    @app.get("/again/{run_key}", dependencies=[needs("GET", PIPELINE)])
    def again(request: Request, run_key: str, user: GetUserDep, session: SessionDep) -> Response:
        facts = _of_starting(user, session)
        return respond(site.of_run.again(run_key, base=base(request), **facts))

    # `requires_access_dag` reads the path's parameter of this name.
    @app.get("/again/{dag_id}/{run_id}", dependencies=[needs("GET")])
    def again_tab(
        request: Request, dag_id: str, run_id: str, user: GetUserDep, session: SessionDep
    ) -> Response:
        asked, facts = find_run(dag_id, run_id, session), _of_starting(user, session)
        try:
            defaults = read_defaults(environ).run
        except CxrError as err:  # the operator's file is not as it has to be
            defaults, facts = {}, facts | {"refused": err}
        page = site.of_run.airflow_run_again
        return respond(page(asked, base=base(request), defaults=defaults, **facts))

    def start(request: Request, user: Any, given: Form, show: Callable[..., "Answer"]) -> Response:
        """Start the run that a form asks for, or show the form again, with why that cannot be."""
        try:
            conf = conf_of(given, defaults=read_defaults(environ).run, home=site.home)
        except CxrError as err:
            return respond(show(base=base(request), given=given, refused=err))
        run_id = quote(_trigger(conf, user.get_name()), safe="")
        return RedirectResponse(f"{base(request)}/{PIPELINE}/{run_id}", status_code=303)

    may_send = [needs("POST", PIPELINE), from_own_page()]

    @app.post("/again/{run_key}", dependencies=may_send)
    def started(
        request: Request, run_key: str, user: GetUserDep, given: Annotated[Form, sent_form()]
    ) -> Response:
        return start(request, user, given, partial(site.of_run.again, run_key))

    @app.post("/again/{dag_id}/{run_id}", dependencies=may_send)
    def started_from_tab(
        request: Request,
        dag_id: str,
        run_id: str,
        user: GetUserDep,
        session: SessionDep,
        given: Annotated[Form, sent_form()],
    ) -> Response:
        asked = find_run(dag_id, run_id, session)
        show = partial(site.of_run.airflow_run_again, asked, defaults={})  # the form is sent
        return start(request, user, given, show)


def _of_starting(user: Any, session: Any) -> dict[str, Any]:
    """Return whether a user may start runs, and whether they would wait."""
    from airflow.models.dag import DagModel

    dag = session.get(DagModel, PIPELINE)
    return {"may_start": may("POST", PIPELINE, user), "paused": bool(dag and dag.is_paused)}


def _trigger(conf: dict[str, Any], user_name: str) -> str:
    """Make a run of the pipeline, as Airflow's own form does, and return its id."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import DagNotFound
    from airflow.utils.types import DagRunTriggeredByType
    from fastapi import HTTPException

    try:
        made = trigger_dag(
            PIPELINE,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=user_name,
            conf=conf,
        )
    except DagNotFound as err:
        raise HTTPException(404, f"Airflow does not know the DAG {PIPELINE} yet.") from err
    if made is None:
        raise HTTPException(500, "Airflow made no run.")
    return str(made.run_id)
