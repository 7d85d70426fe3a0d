"""`watch.json`: what was seen of the source of the scheduled runs when it was last looked at."""

from cxr_tasks.volume.record_model import SealedRecord


class WatchRecord(SealedRecord):
    """The last look.

    Attributes:
        seen: Digest of names, sizes and times.
        by: Who looked.
        at: ISO 8601.
        is_new: Whether nobody else had seen it before.
        source: Its description.
    """

    seen: str
    by: str
    at: str
    is_new: bool
    source: str
