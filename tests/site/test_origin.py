"""A form counts only where a page of this server sent it."""

import pytest

from cxr_tasks.site.origin import is_own_request, read_form


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://here:8080", "host": "here:8080"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"origin": "http://here:8080", "host": "here:8080"}, True),
        ({"origin": "https://here:8080", "host": "here:8080"}, True),
        ({"origin": "http://here", "host": "here:8080"}, False),
        ({"origin": "http://here:8080.evil.org", "host": "here:8080"}, False),
        ({"origin": "null", "host": "here:8080"}, False),
        ({"origin": "http://[", "host": "["}, False),
        ({"host": "here:8080"}, False),
        ({"origin": "", "host": ""}, False),
        ({}, False),
    ],
)
def test_what_another_site_sends_does_not_count(headers: dict[str, str], own: bool) -> None:
    assert is_own_request(headers) is own


def test_a_form_is_read_as_browsers_send_it() -> None:
    body = b"tags=a+b&text=Gr%C3%BC%C3%9Fe%0D%0A%26&seen=&seen=x"
    fields = {"tags": ["a b"], "text": ["Gr\u00fc\u00dfe\r\n&"], "seen": ["", "x"]}
    assert read_form(body) == fields
    assert read_form(b"\xff\xfe&%ff=%00") is not None
    with pytest.raises(ValueError, match="fields"):
        read_form(b"a=1&" * 200)
