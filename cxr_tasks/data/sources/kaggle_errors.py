"""How a Kaggle download fails, and what a person should read about it."""

from typing import Literal

from cxr_tasks.errors import SourceError

Kind = Literal[
    "full",
    "damaged",
    "cut",
    "unauthorized",
    "forbidden",
    "missing",
    "unreachable",
    "stalled",
    "unknown",
]

STALL_SETTING = "CXR_KAGGLE_STALL_SECONDS"
"""Environment variable: seconds without a new byte or line after which the client is ended."""

_ACCOUNT = (
    "Set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or the Airflow connection "
    "kaggle_default"
)
_OWN_FILE = "or download it in a browser and use source=zip with data=PATH"
_KEPT = "What has arrived is kept: run again, and the download goes on from there"

_TEXTS: dict[Kind, tuple[str, str, str]] = {
    "missing": (
        "Kaggle has no data set {handle}.",
        "kaggle_dataset is OWNER/SLUG, as the data set's address ends.",
        "Correct kaggle_dataset (command line: --kaggle-dataset).",
    ),
    "unauthorized": (
        "Kaggle does not accept the credentials for {handle}, or wants some.",
        "Public data need no account, but wrong or expired credentials are refused even there.",
        f"{_ACCOUNT}, to ones that are valid; for a public data set remove them.",
    ),
    "forbidden": (
        "Kaggle does not allow this account, or nobody without an account, to read {handle}.",
        "It may be private, want its rules accepted, or not exist: Kaggle tells these not apart.",
        f"Check the name; accept the rules on the data set's page. {_ACCOUNT}; {_OWN_FILE}.",
    ),
    "unreachable": (
        "Kaggle cannot be reached for {handle}.",
        "It needs a connection to kaggle.com, by HTTPS_PROXY where set; three tries were made.",
        f"Run again when the connection works; {_OWN_FILE}.",
    ),
    "cut": (
        "The connection was cut again and again while {handle} was downloaded.",
        "Kaggle's client takes up a cut download five times before it gives up.",
        f"{_KEPT}; {_OWN_FILE}.",
    ),
    "stalled": (
        "The download of {handle} stood still and was ended.",
        f"Something has to arrive within the time that {STALL_SETTING} sets.",
        f"{_KEPT}. On a slow line set {STALL_SETTING} higher.",
    ),
    "full": (
        "There is no room left for the download of {handle}.",
        "The zip of the data set has to fit into the cache on the shared volume.",
        f"Free space, or name another folder with CXR_HOME or --home. {_KEPT}.",
    ),
    "damaged": (
        "What Kaggle sent as {handle} is no sound zip file.",
        "It has to open, and its checksums and size have to be those declared.",
        f"It has been removed: run again to fetch it anew; {_OWN_FILE}.",
    ),
    "unknown": (
        "Kaggle's client could not download {handle}.",
        "The command `kaggle datasets download {handle}` has to succeed.",
        f"Try that command by hand to see more; {_OWN_FILE}.",
    ),
}


class DownloadError(Exception):
    """The data set was not brought.

    Attributes:
        kind: What happened, as far as the client's words tell it.
        details: The words themselves, secrets hidden.
    """

    def __init__(self, kind: Kind, details: str) -> None:
        super().__init__(kind, details)
        self.kind = kind
        self.details = details


def explain(failure: DownloadError, handle: str) -> SourceError:
    """Say a failure in the project's words, and quote the client's."""
    problem, rule, remedy = (part.format(handle=handle) for part in _TEXTS[failure.kind])
    return SourceError(f"{problem} ({failure.details})", rule, remedy)
