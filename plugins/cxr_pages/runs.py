"""The routes of all runs, of several beside each other, and of one by its name."""

from typing import TYPE_CHECKING

from cxr_pages.requests import PIPELINE, base, known, needs, respond

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cxr_tasks.site.site import Site


def add_runs(app: "FastAPI", site: "Site") -> None:
    """Add them."""
    from fastapi import Request, Response

    guards = [needs("GET", PIPELINE)]

    @app.get("/runs", dependencies=guards)
    def all_runs(request: Request) -> Response:
        return respond(site.all_runs(request.query_params.multi_items(), base=base(request)))

    @app.get("/runs.csv", dependencies=guards)
    def all_runs_csv(request: Request) -> Response:
        return respond(site.all_runs_csv(request.query_params.multi_items()))

    @app.get("/compare", dependencies=guards)
    def compared(request: Request, first: str = "", second: str = "") -> Response:
        older = [key for key in (first, second) if key]  # as addresses named two runs before
        keys = request.query_params.getlist("run") or older
        return respond(site.compared(keys, base=base(request)))

    @app.get("/runs/{run_key}", dependencies=guards)
    def report(request: Request, run_key: str, part: str = "") -> Response:
        return respond(site.of_run.page(run_key, base=base(request), part=part))

    @app.get("/runs/{run_key}/files/{name}", dependencies=guards)
    def file(request: Request, run_key: str, name: str) -> Response:
        return respond(site.of_run.file(run_key, name, base=base(request)))

    # What is new of a page that is open, a few times a minute: a body, or status 304.
    @app.get("/runs/{run_key}/live", dependencies=guards)
    def live(request: Request, run_key: str) -> Response:
        return respond(site.of_run.page(run_key, base=base(request), known=known(request)))
