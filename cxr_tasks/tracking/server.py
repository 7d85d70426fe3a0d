"""The MLflow server that the operator names, and how to sign in there; checked before a run begins.

A password or token is never shown. What is no address is not shown either: nothing tells where in
it a password stands.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from cxr_tasks.errors import ConfigError, shown

STAGE = "track"
"""What the events of sending a run are said to be of; they are none of the run's own."""

URI = "CXR_MLFLOW_URI"
"""Environment variable: the server's address; nothing is sent unless it is set."""

EXPERIMENT = "CXR_MLFLOW_EXPERIMENT"
"""Environment variable: the name of the experiment there."""

MODELS = "CXR_MLFLOW_MODELS"
"""Environment variable: `1` sends the models too, tens of megabytes a run."""

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - a name
"""Environment variables, MLflow's own."""

DEFAULT_EXPERIMENT = "cxr_pipeline"
_MAX_EXPERIMENT_CHARACTERS = 250
_ADDRESS_CHARACTERS = re.compile(r"[\w.~:/@!$&'()*+,;=%\[\]-]+", re.ASCII)
"""Those of RFC 3986, without those that begin a query or an anchor."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name or a number; one with colons stands in brackets in an address."""

_EXAMPLE = f"{URI}=http://mlflow.example.org:5000"


@dataclass(frozen=True)
class Server:
    """A server and where on it runs go."""

    address: str  # without a password, without a slash at its end
    experiment: str = DEFAULT_EXPERIMENT
    authorization: str = field(default="", repr=False)  # the header's value; empty: none is sent
    with_models: bool = False


def read_server(environ: Mapping[str, str]) -> Server | None:
    """Read which server runs are sent to; None where none is named.

    Raises:
        ConfigError: A variable holds what cannot be meant.
    """
    text = environ.get(URI, "").strip()
    if not text:
        return None
    parts = _split(text)
    return Server(
        address=_address(parts),
        experiment=_experiment(environ.get(EXPERIMENT, "")),
        authorization=_authorization(parts, environ),
        with_models=_is_on(environ.get(MODELS, "")),
    )


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _no_address() from None  # their texts hold the address
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise _no_address()
    # an @ behind the host: a password with a slash in it was taken for host, port and path
    if not _ADDRESS_CHARACTERS.fullmatch(text) or "@" in parts.path:
        raise _no_address()
    return parts


def _address(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _no_address() -> ConfigError:
    return ConfigError(
        f"{URI} is no address of an MLflow server; it is not shown, since it may hold a password.",
        "It begins with http:// or https:// and a host, as a browser would be given it; folders, "
        "databases, queries and anchors are none. In a password / and @ are written %2F and %40.",
        f"Correct {URI}, for example {_EXAMPLE}, or unset it.",
    )


def _experiment(text: str) -> str:
    name = text.strip() or DEFAULT_EXPERIMENT
    if len(name) > _MAX_EXPERIMENT_CHARACTERS or not name.isprintable():
        raise ConfigError(
            f"{EXPERIMENT}={shown(name)} cannot be an experiment's name.",
            f"It is a line of at most {_MAX_EXPERIMENT_CHARACTERS} characters.",
            f"Correct {EXPERIMENT}, or unset it: then it is {DEFAULT_EXPERIMENT}.",
        )
    return name


def _is_on(text: str) -> bool:
    if text.strip() not in ("", "0", "1"):
        raise ConfigError(
            f"{MODELS}={shown(text)} is neither on nor off.",
            "1 sends the models too; 0, as where it is unset, does not.",
            f"Correct {MODELS}, or unset it.",
        )
    return text.strip() == "1"


def _authorization(parts: SplitResult, environ: Mapping[str, str]) -> str:
    """Return the header's value by the address, else by name and password, else by a token."""
    named = {name: _secret(name, environ) for name in (USERNAME, PASSWORD, TOKEN)}
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user:
        user, password = named[USERNAME], named[PASSWORD]
    if user and password:
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    return f"Bearer {named[TOKEN]}" if named[TOKEN] else ""


def _secret(name: str, environ: Mapping[str, str]) -> str:
    text = environ.get(name, "").strip()
    if not text.isascii() or not text.isprintable():
        raise ConfigError(
            f"{name} holds a line break or another character that no header can.",
            "It is sent to the MLflow server as the header of a request.",
            f"Correct {name}; its value is not shown here.",
        )
    return text
