"""The object store that the operator names; checked before a run begins.

How to sign in there is no part of its address: every backend reads that from variables of its own
(`AWS_ACCESS_KEY_ID`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`). What is no
address is not shown, since it may hold a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from cxr_tasks.errors import ConfigError

STAGE = "publish"
"""What the events of publishing are said to be of; they are none of the run's own."""

URL = "CXR_PUBLISH_URL"
"""Environment variable: the store's address; nothing is copied unless it is set."""

BACKENDS: Mapping[str, str] = {
    "file": "",
    "s3": "s3fs=={fsspec}",
    "gs": "gcsfs=={fsspec}",
    "az": "adlfs",
}
"""The package that each kind of address needs; s3fs and gcsfs go with their own fsspec only."""

EXAMPLE = f"{URL}=s3://bucket/prefix"

_ADDRESS = re.compile(
    r"(?P<kind>[a-z0-9]+)://(?P<bucket>[\w.-]*)(?P<prefix>(/[\w.+=,~-]+)*)/?", re.A
)
_UPWARDS = re.compile(r"/\.{1,2}(/|$)")


@dataclass(frozen=True)
class Destination:
    """Where finished things are copied to."""

    kind: str  # a key of BACKENDS
    address: str  # without a slash at its end


def read_destination(environ: Mapping[str, str]) -> Destination | None:
    """Read which object store finished things are copied to; None where none is named.

    Raises:
        ConfigError: The variable holds no such address, or the store's package is not installed.
    """
    text = environ.get(URL, "").strip()
    if not text:
        return None
    destination = parse_destination(text)
    check_backend(destination.kind)
    return destination


def parse_destination(text: str) -> Destination:
    """Read an address of an object store.

    Raises:
        ConfigError: It is none.
    """
    found = _ADDRESS.fullmatch(text)
    if not found or found["kind"] not in BACKENDS or _UPWARDS.search(found["prefix"]):
        raise _no_address()
    # a folder's address names no host, and a folder; any other a bucket
    is_folder = found["kind"] == "file"
    if bool(found["bucket"]) == is_folder or (is_folder and not found["prefix"]):
        raise _no_address()
    return Destination(found["kind"], text.rstrip("/"))


def check_backend(kind: str) -> None:
    """Raise unless the package that a kind of address needs is installed.

    Raises:
        ConfigError: It is not.
    """
    wanted = BACKENDS[kind].format(fsspec=version("fsspec"))
    package = wanted.partition("=")[0]
    if package and find_spec(package) is None:
        raise ConfigError(
            f"{URL} begins with {kind}://, but the package {package} is not installed.",
            "It is not part of requirements.lock, since most have no use for it.",
            f"Install it wherever tasks run: python -m pip install {wanted}; in containers, which "
            "have no pip, by an image of your own (docs/cluster.md, other packages).",
        )


def _no_address() -> ConfigError:
    return ConfigError(
        f"{URL} is no address of an object store; it is not shown, since it may hold a password.",
        f"It begins with one of {', '.join(f'{kind}://' for kind in BACKENDS)}, then come a bucket "
        "(none for file://) and folders of letters, digits and . _ + = , ~ -; users, passwords and "
        "queries have no place in it.",
        f"Correct {URL}, for example {EXAMPLE}, or unset it. Secrets belong into the variables of "
        "the store's own package.",
    )
