"""How many cases each test of this folder runs, how they are counted, and what they are made of."""

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = 25
"""Cases of each test in `make test`, always the same; `make fuzz` sets CXR_FUZZ_CASES."""
N_CASES = int(os.environ.get("CXR_FUZZ_CASES") or FEW)
MAX_SECONDS = 5.0

Strategy = st.SearchStrategy[Any]
n_cases_by_subject: Counter[str] = Counter()

_settings = settings(
    max_examples=N_CASES,
    derandomize=N_CASES == FEW,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def fuzzed(**strategies: Strategy) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test on many inputs; each counts, and none may take long."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        subject = test.__module__.rpartition("test_")[2].replace("_", " ")

        @functools.wraps(test)
        def counted(*args: Any, **kwargs: Any) -> None:
            n_cases_by_subject[subject] += 1
            started = time.process_time()
            test(*args, **kwargs)
            assert time.process_time() - started < MAX_SECONDS

        return _settings(given(**strategies)(counted))

    return decorate


def nested(depth: int) -> list[Any]:
    """Lists in lists, deeper than Python can show or JSON be read."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


ODD_TEXTS = (
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udcff",
    "\u202egnp.a",
    "a\u0301" * 20,
    "\r",
    "a\nb",
    "\x1b[31m",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "=1+1",
    "'\"&",
    "../..",
    "/etc/passwd",
    "~nobody-here/x",
    "~",
    "%00",
    "x" * 5000,
    "a/" * 3000,
    "NA",
    "nan",
    "1e999",
)
texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(), max_size=30)
numbers = (
    st.sampled_from([10**400, -(10**400), 2**31, 2**63, -1, 0, 1, 1e308, float("inf")])
    | st.integers()
    | st.floats()
)
endless = st.integers(0, 2).map(lambda k: (nested(100), nested(20_000), 10**5000)[k])
"""Made when drawn: hypothesis shows what it samples from, and these cannot be shown."""
values = st.recursive(
    st.none() | st.booleans() | numbers | texts | endless,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
"""Whatever JSON, a form or a TOML file may bring."""

_HOSTILE_BYTES = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\0",
    b"\n",
    b"\r",
    b'"',
    b",",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"9" * 5000,
    b"1e999",
    b"\\ud800",
    b"a" * 140_000,
    b"NaN",
)


@st.composite
def mutated(draw: st.DrawFn, valid: Sequence[bytes]) -> bytes:
    """Change a valid file in a few places: flip, cut, insert, splice."""
    content = bytearray(draw(st.sampled_from(valid)))
    change = st.tuples(
        st.sampled_from(["flip", "cut", "end", "insert", "hostile", "splice"]),
        st.integers(0, 2**31),
        st.integers(1, 255),
    )
    for kind, where, value in draw(st.lists(change, min_size=1, max_size=6)):
        at = where % (len(content) or 1)
        if kind == "flip" and content:
            content[at] ^= value
        elif kind == "cut":
            del content[at : at + value]
        elif kind == "end":
            del content[at:]
        elif kind == "insert":
            content[at:at] = bytes([value])
        elif kind == "hostile":
            content[at:at] = _HOSTILE_BYTES[value % len(_HOSTILE_BYTES)]
        elif kind == "splice":
            other = valid[value % len(valid)]
            content[at:] = other[where % len(other) :]
    return bytes(content)


def damaged(*valid: bytes) -> Strategy:
    """Give valid files with changes, and bytes that never were one."""
    return mutated(valid) | st.binary(max_size=300) | st.sampled_from([b"", *_HOSTILE_BYTES])


SHARP: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2,
    1e308,
    -1e308,
    1e17,
    10**400,
    2**63,
    -(2**63),
    float("nan"),
    float("inf"),
    "",
    "\ud800",
    "\0",
    "<script>",
    "x" * 5000,
    [],
    {},
    [[]],
    [1],
    ["a", "b"],
    [1e308, 1e308],
    [0.9, None],
    [None, 0.9],
)
"""What a reader of JSON that checks only kinds stumbles over."""


@st.composite
def changed(draw: st.DrawFn, valid: dict[str, Any]) -> dict[str, Any]:
    """Put hostile values, or nothing, in a few places of a JSON object."""
    content: dict[str, Any] = _copied(valid)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        place, key = draw(st.sampled_from(list(_places(content))))
        if draw(st.sampled_from([True] * 7 + [False])):
            place[key] = draw(st.sampled_from(SHARP) | values)
        elif len(place) > 1:
            del place[key]
    return content


def _places(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in content.items():
        yield content, key
        if isinstance(value, dict):
            yield from _places(value)


def _copied(value: Any) -> Any:
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value
