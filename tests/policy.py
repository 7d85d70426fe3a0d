"""What a served page may run: every script in it has to be one that its policy names."""

import base64
import re
from collections.abc import Mapping
from hashlib import sha256

from cxr_tasks.reporting.page_scripts import page_policy

_SCRIPT = re.compile(r"<script(?P<kind>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)


def refused_scripts(page: str) -> list[str]:
    """Return the scripts of a page that a browser would not run; data is none."""
    found = [each for each in _SCRIPT.finditer(page) if "application/json" not in each["kind"]]
    return [each["text"] for each in found if _digest(each["text"]) not in page_policy()]


def check_headers(headers: Mapping[str, str]) -> None:
    """Check that a page may load nothing, run only what it states, and be framed only here."""
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in policy.get("script-src", "")
    assert policy["frame-ancestors"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in headers["Cache-Control"]


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()
