"""The routes of a run's note: readers see it, whoever may change runs writes it."""

from typing import TYPE_CHECKING, Annotated

from cxr_pages.requests import PIPELINE, base, from_own_page, may, needs, respond, sent_form

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cxr_tasks.site.site import Site


def add_notes(app: "FastAPI", site: "Site") -> None:
    """Add them."""
    from airflow.api_fastapi.core_api.security import GetUserDep
    from fastapi import Request, Response

    from cxr_tasks.site.note_page import read_note_form

    @app.get("/runs/{run_key}/note", dependencies=[needs("GET", PIPELINE)])
    def note(request: Request, run_key: str, user: GetUserDep) -> Response:
        may_write = may("PUT", PIPELINE, user)
        return respond(site.note(run_key, base=base(request), may_write=may_write))

    @app.post("/runs/{run_key}/note", dependencies=[needs("PUT", PIPELINE), from_own_page()])
    def save_note(
        request: Request,
        run_key: str,
        user: GetUserDep,
        sent: Annotated[dict[str, list[str]], sent_form()],
    ) -> Response:
        form = read_note_form(sent, by=user.get_name())
        return respond(site.note(run_key, base=base(request), may_write=True, form=form))
