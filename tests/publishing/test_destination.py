"""What the operator's address of an object store may be, and what of it is never shown."""

from importlib.metadata import version
from importlib.util import find_spec

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.publishing.destination import (
    URL,
    Destination,
    check_backend,
    parse_destination,
    read_destination,
)

SECRET = "s3cret"  # noqa: S105 - looked for where it must not be


@pytest.mark.parametrize("given", ["", "  "])
def test_nothing_is_copied_unless_a_store_is_named(given: str) -> None:
    assert read_destination({}) is None
    assert read_destination({URL: given}) is None


def test_a_folder_needs_no_package() -> None:
    assert read_destination({URL: " file:///mnt/backup/ "}) == Destination(
        "file", "file:///mnt/backup"
    )


@pytest.mark.parametrize(
    "given",
    ["s3://bucket", "s3://my.bucket-2/a/b_c", "gs://bucket/x=1", "az://container/~me/2026+01,a"],
)
def test_an_address_is_read(given: str) -> None:
    kind = given.partition(":")[0]
    assert parse_destination(f"{given}/") == parse_destination(given) == Destination(kind, given)


@pytest.mark.parametrize(
    "given",
    [
        "bucket",
        "/mnt/backup",
        "s3:bucket",
        "s3://",
        "s3:///prefix",
        "file://",
        "file:///",
        "file://host/mnt",
        "file:///mnt/../etc",
        "file:///mnt/./x",
        "s3://bucket/..",
        "s3://bucket//x",
        "s3://bucket/a b",
        "s3://bucket/%2e%2e",
        "s3://bücket",
        "s3://bucket/x\n",
        "S3://bucket",
        "http://example.org/x",
        "memory://x",
        "simplecache::s3://bucket",
        f"s3://key:{SECRET}@bucket",
        f"s3://bucket/x?secret={SECRET}",
        f"s3://bucket#{SECRET}",
        f"ftp://me:{SECRET}@host/x",
        f"az://x@account?{SECRET}",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ConfigError, match=f"{URL} is no address of an object store") as caught:
        parse_destination(given)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("s3", f"s3fs=={version('fsspec')}"), ("gs", f"gcsfs=={version('fsspec')}"), ("az", "adlfs")],
)
def test_a_package_that_is_missing_is_named(kind: str, wanted: str) -> None:
    if find_spec(wanted.partition("=")[0]):
        pytest.skip(f"{wanted} is installed here")
    with pytest.raises(ConfigError, match=f"python -m pip install {wanted}") as caught:
        check_backend(kind)
    assert "docs/cluster.md" in caught.value.remedy
    with pytest.raises(ConfigError, match="is not installed"):
        read_destination({URL: f"{kind}://bucket"})
