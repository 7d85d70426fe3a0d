"""`config.json`: what a run was started with, written before its first stage."""

from typing import Any

from cxr_tasks.volume.record_model import SealedRecord


class ConfigRecord(SealedRecord):
    """A run's settings, which never change.

    Attributes:
        fingerprint: Digest of the settings that decide about numbers.
        config: Every setting by its name; `config_from_record` reads older ones too.
        threads_from: By what the number of threads was chosen.
        code: Digest of the code that began the run.
    """

    fingerprint: str
    config: dict[str, Any]
    threads_from: str = "the settings it was started with"
    code: str = ""
