"""`cache/backbones/keras-download/download.json`: which bytes were downloaded."""

from cxr_tasks.volume.record_model import SealedRecord


class WeightsDownloadRecord(SealedRecord):
    """Beside Keras' own weights of the backbone."""

    sha256: str
