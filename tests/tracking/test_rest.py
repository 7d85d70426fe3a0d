"""Servers that are down, slow or no MLflow: an error in three parts, in limited time."""

import socket
from pathlib import Path

import pytest

from cxr_tasks.errors import TrackingError
from cxr_tasks.tracking.rest import Rest
from cxr_tasks.tracking.server import URI, Server, read_server
from tests.tracking.mlflow_server import Misbehaviour, MlflowServer, answer, basic, dribble, hang_up

SECRET = "s3cret"  # noqa: S105 - looked for where it must not be


def refusal(server: Server, *, seconds: float = 30.0) -> TrackingError:
    with pytest.raises(TrackingError) as caught, Rest(server, seconds=seconds) as rest:
        rest.get("experiments/get-by-name", experiment_name="x")
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


def test_a_server_that_is_down_is_told_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = refusal(Server(f"http://127.0.0.1:{port}"))
    assert f"http://127.0.0.1:{port} is not reached (ConnectError" in told.problem


def test_a_name_that_no_one_has_is_told() -> None:
    assert "is not reached" in refusal(Server("http://no-such-host.invalid")).problem


@pytest.mark.parametrize(
    ("misbehaviour", "problem"),
    [
        (answer(200, b"<html>Sign in</html>"), "answers with what is no JSON object"),
        (answer(200, b"[1, 2]"), "answers with what is no JSON object"),
        (answer(200, b"\xff\xfe"), "answers with what is no JSON object"),
        (answer(200, b"[" * 100_000), "answers with what is no JSON object"),
        (answer(200, b" " * 5_000_001), "answers with more than 5,000,000 bytes"),
        (answer(302, b"", Location="http://elsewhere"), "answers 302 and names another address"),
        (answer(401, b"no"), "answers 401: it does not let this user in"),
        (answer(403, b"{}"), "answers 403: it does not let this user in"),
        (answer(404, b"<h1>Not found</h1>"), "answers 404."),
        (answer(500, b'{"error_code": "INTERNAL_ERROR", "message": "x"}'), "500: 'INTERNAL_ERROR"),
        (hang_up, "is not reached (RemoteProtocolError"),
        (dribble, "has not taken the run in 1 s"),
    ],
)
def test_what_is_no_answer_of_mlflow_is_told(
    mlflow: MlflowServer, misbehaviour: Misbehaviour, problem: str
) -> None:
    mlflow.misbehave = misbehaviour
    assert problem in refusal(Server(mlflow.address), seconds=1.0).problem


def test_a_redirect_is_not_followed(mlflow: MlflowServer) -> None:
    mlflow.misbehave = answer(307, b"", Location=f"{mlflow.address}/other")
    refusal(Server(mlflow.address))
    assert len(mlflow.calls) == 1


def test_mlflows_own_word_for_a_refusal_is_kept(mlflow: MlflowServer) -> None:
    assert refusal(Server(mlflow.address)).code == "RESOURCE_DOES_NOT_EXIST"


def test_secrets_are_sent_in_the_header_and_told_nowhere(
    mlflow: MlflowServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server = read_server({URI: mlflow.address.replace("//", f"//me:{SECRET}@")})
    assert server
    told = refusal(server)
    assert mlflow.authorizations == {basic("me", SECRET)}
    seen = str(told) + caplog.text
    assert "127.0.0.1" in seen
    assert SECRET not in seen
    assert basic("me", SECRET) not in seen


def test_what_no_header_may_hold_of_a_proxy_is_told(
    monkeypatch: pytest.MonkeyPatch, mlflow: MlflowServer
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")
    with pytest.raises(TrackingError, match="is not reached"):
        Rest(Server(mlflow.address))


def test_a_file_is_sent_whole(mlflow: MlflowServer, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * 4096)
    with Rest(Server(mlflow.address)) as rest:
        rest.put(path, "1/a%20b/large.bin")
    assert mlflow.files == {"1/a b/large.bin": path.read_bytes()}
