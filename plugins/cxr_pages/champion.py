"""The routes of the champion's history and of scored batches."""

from typing import TYPE_CHECKING

from cxr_pages.requests import PIPELINE, SCORING, base, needs, respond

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cxr_tasks.site.site import Site


def add_champion(app: "FastAPI", site: "Site") -> None:
    """Add them."""
    from fastapi import Request, Response

    of_scores = [needs("GET", SCORING)]

    @app.get("/champion", dependencies=[needs("GET", PIPELINE)])
    def champion(request: Request) -> Response:
        return respond(site.champion(base=base(request)))

    @app.get("/scores", dependencies=of_scores)
    def batches(request: Request) -> Response:
        return respond(site.batches(base=base(request)))

    @app.get("/scores/{name}", dependencies=of_scores)
    def scores(request: Request, name: str) -> Response:
        return respond(site.scores(name, base=base(request)))

    @app.get("/scores/{name}/scores.csv", dependencies=of_scores)
    def scores_csv(request: Request, name: str) -> Response:
        return respond(site.scores_csv(name, base=base(request)))
