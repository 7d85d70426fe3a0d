"""`cache/kaggle/<data set>/<slug>.json`: what a checked download is."""

from typing import Literal

from cxr_tasks.volume.record_model import Facts


class KaggleRecord(Facts):
    """A checked download; its schema version is its own, and the file is not sealed.

    Attributes:
        version: What the server declared: its ETag, else its Last-Modified.
        last_modified: The file's time, as HTTP writes it.
        n_files: Members of the archive.
    """

    schema_version: Literal[1]
    handle: str
    version: str
    last_modified: str
    size_bytes: int
    sha256: str
    n_files: int
