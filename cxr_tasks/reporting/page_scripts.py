"""The pages' own scripts, and the policy by which a browser runs these and no other."""

import base64
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from markupsafe import Markup

_STATED = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"<>]*)">')
_HEAD_BYTES = 2048


@cache
def page_script(name: str) -> Markup:
    """Return a script as a page carries it; what it says stands in `templates/<name>.js`."""
    return Markup(f"<script>{_scripts()[name]}</script>")  # noqa: S704 - a file of this package


@cache
def page_policy() -> str:
    """Return what a page states about itself: nothing is loaded, and only our scripts run."""
    digests = (sha256(text.encode()).digest() for text in _scripts().values())
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        f"script-src {scripts}"
    )


def stated_policy(page: bytes) -> str:
    """Return the policy that a page of any version states in its head; empty where it has none."""
    found = _STATED.search(page[:_HEAD_BYTES])
    return found.group(1).decode("ascii", "replace") if found else ""


@cache
def _scripts() -> dict[str, str]:
    """Read every script there is, by its name."""
    folder = files("cxr_tasks.reporting") / "templates"
    found = sorted((path.name, path) for path in folder.iterdir() if path.name.endswith(".js"))
    return {name.removesuffix(".js"): path.read_text(encoding="utf-8") for name, path in found}
