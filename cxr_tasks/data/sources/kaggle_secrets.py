"""Credentials on their way to Kaggle's client, and out of every text."""

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
    """Return an Airflow connection's secrets as environment variables of Kaggle's client.

    Args:
        login: The Kaggle user name.
        password: The key that belongs to it; without a login, an API token.
        extra: `api_token` in it goes before login and password, as it does in the client.

    Raises:
        SourceError: A login without a key, or an `api_token` that is no text.
    """
    token = extra.get("api_token") or (password if not login else None)
    if isinstance(token, str) and token:
        return {"KAGGLE_API_TOKEN": token}
    if token or (login and not password):
        reason = (
            "its extra field api_token is no text" if token else "it has a login and no password"
        )
        raise SourceError(
            f"The Airflow connection kaggle_default cannot be used: {reason}.",
            "It holds a Kaggle user name as login and the key as password, or a token as extra "
            '{"api_token": "..."}.',
            "Complete it, or delete it: public data sets need no account.",
        )
    return {"KAGGLE_USERNAME": login, "KAGGLE_KEY": password} if login and password else {}


def hider(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that takes every secret out of a text.

    The client does repeat secrets: a token too long for a file name ends it with a traceback
    that quotes the token.
    """
    plain = [secret for secret in _secrets(environ) if len(secret) >= _MIN_SECRET_LENGTH]
    user = environ.get("KAGGLE_USERNAME", "")
    encoded = [base64.b64encode(f"{user}:{secret}".encode()).decode() for secret in plain]
    secrets = sorted({*plain, *encoded}, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        for shape, instead in _SECRET_SHAPES:
            text = shape.sub(instead, text)
        return text

    return hide


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what the environment, and the client's files where it looks for them, keep secret."""
    for name, value in environ.items():
        if name.startswith("KAGGLE_") and name.endswith(_SECRET_NAMES):
            yield value.strip()
    home = Path(environ.get("HOME") or Path.home())
    folders = [home / ".kaggle", home / ".config" / "kaggle"]
    folders.append(Path(environ.get("XDG_CONFIG_HOME") or home) / "kaggle")
    folders.append(Path(environ.get("KAGGLE_CONFIG_DIR") or home))
    files = [folder / name for folder in folders for name in _SECRET_FILES]
    for path in [*files, Path(environ.get("KAGGLE_API_TOKEN", ""))]:
        with contextlib.suppress(OSError, ValueError):  # absent, or a token and no path
            yield from _secrets_in(path.read_text(encoding="utf-8").strip())


def _secrets_in(text: str) -> list[str]:
    with contextlib.suppress(ValueError):
        content = json.loads(text)
        if isinstance(content, dict):
            return [str(content[name]) for name in _SECRET_FIELDS if content.get(name)]
    return [text]
