"""What every route does with a request: who may ask, what was sent, how it is answered."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import Request, Response

    from cxr_tasks.site.answer import Answer

PIPELINE, SCORING = "cxr_pipeline", "cxr_score"


def needs(method: Any, dag_id: str | None = None) -> Any:
    """Return the guard of a route: the right to read (GET), start (POST) or change (PUT) runs.

    Args:
        method: Of the three.
        dag_id: The DAG; without one it is the path's parameter `dag_id`.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends

    return Depends(requires_access_dag(method, DagAccessEntity.RUN, param_dag_id=dag_id))


def may(method: Any, dag_id: str, user: Any) -> bool:
    """Return whether a user has such a right, to show what it allows."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        DagAccessEntity,
        DagDetails,
    )

    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user
    )


def from_own_page() -> Any:
    """Return the guard that refuses what another site's page sends: the cookie would come along."""
    from fastapi import Depends, HTTPException, Request

    from cxr_tasks.site.origin import is_own_request

    def own_page(request: Request) -> None:
        if not is_own_request(request.headers):
            raise HTTPException(403, "Only a page of this server may send this form.")

    return Depends(own_page)


def sent_form() -> Any:
    """Return what reads a form that was sent: each field's values."""
    from fastapi import Depends, HTTPException, Request

    from cxr_tasks.site.origin import MAX_FORM_BYTES, read_form

    async def read(request: Request) -> dict[str, list[str]]:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_BYTES:
                raise HTTPException(413, f"A form has at most {MAX_FORM_BYTES} bytes.")
        try:
            return read_form(body)
        except ValueError as err:
            raise HTTPException(400, "This is no form of these pages.") from err

    return Depends(read)


def respond(answer: "Answer") -> "Response":
    """Return what FastAPI sends for an answer."""
    from fastapi import Response

    return Response(
        answer.body, answer.status, headers=answer.headers, media_type=answer.media_type
    )


def base(request: "Request") -> str:
    """Return where the pages are mounted."""
    return str(request.scope["root_path"])


def known(request: "Request") -> str:
    """Return the tags of what an open page has already."""
    return str(request.headers.get("if-none-match", ""))
