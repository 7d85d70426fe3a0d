"""`mlflow.json`: by what a run is found again on a tracking server."""

from typing import ClassVar

from cxr_tasks.volume.record_model import SealedRecord


class TrackingRecord(SealedRecord):
    """Written before a run is first sent, so that it never is there twice."""

    FILE: ClassVar[str] = "mlflow.json"

    tracking_id: str
    """Drawn at random: a run of the same name may lie on another volume."""
