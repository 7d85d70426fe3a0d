"""Whether a request that changes something was sent by a page of this server.

Airflow's sign-in is a cookie, which a browser also sends with a form of somebody else's page.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

MAX_FORM_BYTES, _MAX_FIELDS = 64_000, 100
"""The form of a run has fifty fields, most of them short."""


def is_own_request(headers: Mapping[str, str]) -> bool:
    """Return whether a page of this server sent it.

    Every current browser says so in `Sec-Fetch-Site`, which no page can set; an older one names
    the page's server in `Origin`. What says neither is refused. Behind a proxy the scheme may be
    another one, so that hosts are compared.

    Args:
        headers: The request's, by names in small letters.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = headers.get("origin", ""), headers.get("host", "")
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:  # no address
        return False


def read_form(body: bytes) -> dict[str, list[str]]:
    """Read a form as browsers send it: each field's values, in their order.

    Raises:
        ValueError: It has too many fields.
    """
    return parse_qs(body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
