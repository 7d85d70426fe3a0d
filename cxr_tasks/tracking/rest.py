"""MLflow's REST interface over HTTP: each answer checked, each wait limited.

Whatever the server does, the caller gets an answer or a `TrackingError`, in limited memory and, if
it does not let an answer's headers drip, in limited time.
"""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cxr_tasks.errors import TrackingError, shown
from cxr_tasks.tracking.server import TOKEN, URI, USERNAME, Server

TOTAL_SECONDS = 180.0
"""For everything that is sent of a run, its models left out."""

_CONNECT_SECONDS, _WAIT_SECONDS = 5.0, 30.0
_MAX_ANSWER_BYTES = 5_000_000
_CHUNK_BYTES = 1 << 18
REMEDY = "Send the run when that is mended: python -m cxr_tasks track --run NAME."

Answer = Mapping[str, Any]


class Rest:
    """A connection to a server, for a limited time from now on.

    Raises:
        TrackingError: In every call: the server is not reached, or answers otherwise than MLflow.
    """

    def __init__(self, server: Server, *, seconds: float = TOTAL_SECONDS) -> None:
        self._server = server
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        headers = {"Authorization": server.authorization} if server.authorization else {}
        try:
            self._client = httpx.Client(
                headers=headers, timeout=httpx.Timeout(_WAIT_SECONDS, connect=_CONNECT_SECONDS)
            )
        except (ValueError, OSError, httpx.InvalidURL) as err:  # proxies, certificates
            raise self._unreached(err) from err

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, call: str, **query: str) -> Answer:
        """Ask for something, for example `experiments/get-by-name`."""
        return self._ask("GET", f"api/2.0/mlflow/{call}", params=query)

    def post(self, call: str, **content: Any) -> Answer:
        """Let the server do something, for example `runs/create`."""
        return self._ask("POST", f"api/2.0/mlflow/{call}", json=content)

    def put(self, path: Path, place: str) -> None:
        """Store a file where the server keeps what belongs to runs.

        Args:
            path: The file.
            place: Its path there.
        """
        with path.open("rb") as stream:
            chunks = iter(lambda: stream.read(_CHUNK_BYTES), b"")
            self._ask(
                "PUT",
                f"api/2.0/mlflow-artifacts/artifacts/{place}",
                content=(chunk for chunk in chunks if self._in_time()),
                headers={"Content-Length": str(path.stat().st_size)},
            )

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        self._in_time()
        url = f"{self._server.address}/{path}"
        try:
            with self._client.stream(method, url, **request) as answer:
                body = b"".join(self._limited(answer.iter_bytes()))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as err:
            raise self._unreached(err) from err
        return self._read(answer, body)

    def _in_time(self) -> bool:
        if time.monotonic() > self._deadline:
            raise TrackingError(
                f"The MLflow server {self._server.address} has not taken the run in "
                f"{self._seconds:.0f} s.",
                "What is sent of a run is some megabytes at most, its models left out.",
                REMEDY,
            )
        return True

    def _limited(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        n_bytes = 0
        for chunk in chunks:
            self._in_time()
            n_bytes += len(chunk)
            if n_bytes > _MAX_ANSWER_BYTES:
                raise self.no_mlflow(f"answers with more than {_MAX_ANSWER_BYTES:,} bytes")
            yield chunk

    def _read(self, answer: httpx.Response, body: bytes) -> Answer:
        content = _as_object(body)
        if answer.is_success:
            if content is None:
                raise self.no_mlflow("answers with what is no JSON object")
            return content
        if answer.is_redirect:
            raise self.no_mlflow(f"answers {answer.status_code} and names another address")
        if answer.status_code in (401, 403):
            raise TrackingError(
                f"The MLflow server {self._server.address} answers {answer.status_code}: it does "
                "not let this user in.",
                f"It is signed in to by {USERNAME} and its password, or by {TOKEN}.",
                f"Correct them. {REMEDY}",
            )
        raise self._refused(answer.status_code, content or {})

    def _refused(self, status: int, content: Answer) -> TrackingError:
        code, message = str(content.get("error_code", "")), str(content.get("message", ""))
        said = ": " + shown(f"{code} {message}".strip()) if code or message else ""
        return TrackingError(
            f"The MLflow server {self._server.address} answers {status}{said}.",
            "It takes experiments, runs and files by MLflow's REST interface, version 2.0.",
            f"Look into its log. {REMEDY}",
            code=code,
        )

    def _unreached(self, err: Exception) -> TrackingError:
        said = str(err)[:200] or "no more is known"
        return TrackingError(
            f"The MLflow server {self._server.address} is not reached ({type(err).__name__}: "
            f"{said}).",
            f"{URI} names a server that this machine reaches and that answers within "
            f"{_WAIT_SECONDS:.0f} s.",
            f"Start it, or correct {URI}. {REMEDY}",
        )

    def no_mlflow(self, what: str) -> TrackingError:
        """Return the error for what is no server of MLflow; `what` it does follows its address."""
        return TrackingError(
            f"{self._server.address} {what}.",
            "A server of MLflow answers at this very address, with JSON.",
            f"Correct {URI}. {REMEDY}",
        )


def _as_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
