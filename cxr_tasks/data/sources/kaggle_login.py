"""Who asks Kaggle: credentials on their way to its client, and out of every text."""

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cxr_tasks.errors import SourceError

HIDDEN = "[hidden]"

_SECRET_NAMES = ("_KEY", "_TOKEN", "_PASSWORD")
_SECRET_FILES = ("kaggle.json", "access_token", "access_token.txt", "credentials.json")
_SECRET_FIELDS = ("key", "token", "access_token", "refresh_token")
_MIN_SECRET_LENGTH = 6

# A download's address is signed in its query, a proxy's may hold a password.
_SECRET_SHAPES = (
    (re.compile(r"\?[^\s'\")]*=[^\s'\")]*"), f"?{HIDDEN}"),
    (re.compile(r"//[^/\s@]+@"), f"//{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic) +\S+"), rf"\1 {HIDDEN}"),
)


def credentials_environment(
    login: str | None, password: str | None, extra: Mapping[str, object]
) -> dict[str, str]:
    """Give an Airflow connection's secrets as environment variables of Kaggle's client.

    Args:
        login: The Kaggle user name.
        password: The key that belongs to it; without a login, an API token.
        extra: `api_token` in it goes before login and password, as it does in the client.

    Raises:
        SourceError: A login without a key, or an `api_token` that is no text.
    """
    token = extra.get("api_token") or (password if not login else None)
    if token:
        if not isinstance(token, str):
            raise _unusable("its extra field api_token is no text")
        return {"KAGGLE_API_TOKEN": token}
    if login and not password:
        raise _unusable("it has a login and no password")
    return {"KAGGLE_USERNAME": login, "KAGGLE_KEY": password} if login and password else {}


def hider(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Make a function that takes every secret out of a text.

    The client does repeat secrets: a token too long for a file name ends it with a traceback
    that quotes the token.
    """
    secrets = sorted(set(_secrets(environ)), key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        for shape, instead in _SECRET_SHAPES:
            text = shape.sub(instead, text)
        return text

    return hide


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    given = [
        value.strip()
        for name, value in environ.items()
        if name.startswith("KAGGLE_") and name.endswith(_SECRET_NAMES)
    ]
    for secret in [*given, *_secrets_in_files(environ)]:
        if len(secret) >= _MIN_SECRET_LENGTH:
            yield secret
            pair = f"{environ.get('KAGGLE_USERNAME', '')}:{secret}"
            yield base64.b64encode(pair.encode()).decode()


def _secrets_in_files(environ: Mapping[str, str]) -> Iterator[str]:
    home = Path(environ.get("HOME") or Path.home())
    folders = [home / ".kaggle", home / ".config" / "kaggle"]
    folders += [Path(environ[name]) for name in ("KAGGLE_CONFIG_DIR",) if environ.get(name)]
    folders += (
        [Path(environ["XDG_CONFIG_HOME"]) / "kaggle"] if environ.get("XDG_CONFIG_HOME") else []
    )
    named = environ.get("KAGGLE_API_TOKEN", "")
    for path in [*(folder / name for folder in folders for name in _SECRET_FILES), Path(named)]:
        yield from _secrets_in(path)


def _secrets_in(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # absent, or a token and no path
        return
    content: object = None
    with contextlib.suppress(ValueError):
        content = json.loads(text)
    if isinstance(content, dict):
        yield from (str(content[name]) for name in _SECRET_FIELDS if content.get(name))
    else:
        yield text


def _unusable(reason: str) -> SourceError:
    return SourceError(
        f"The Airflow connection kaggle_default cannot be used: {reason}.",
        "It holds a Kaggle user name as login and the key as password, or a token as extra "
        '{"api_token": "..."}.',
        "Complete it, or delete it: public data sets need no account.",
    )
