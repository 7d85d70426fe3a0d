"""An object store by fsspec: reading and writing, in limited time, failures in our own words.

Objects are whole or absent: an object store shows one when all of it is there, and in a folder it
is written beside its place and renamed.
"""

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from cxr_tasks.errors import PublishError
from cxr_tasks.publishing.destination import URL, Destination
from cxr_tasks.volume.files import remove_leftovers, writing

WAIT_SECONDS = 30.0
"""After which a call is given up, beside the time for what it carries."""

_MIN_BYTES_PER_SECOND = 100_000
_SHOWN_CHARACTERS = 200
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CONNECTION_STRING|CREDENTIALS?$")
_MIN_SECRET_CHARACTERS = 6

REMEDY = "Publish again when that is mended: python -m cxr_tasks publish [--run NAME]."

T = TypeVar("T")


class Store:
    """The objects below an address.

    Args:
        destination: The address.
        wait_seconds: After which a call is given up.
        environ: Whose secrets are never shown, whatever a backend's error says.

    Raises:
        PublishError: In every call: the store is not reached, or does not do it.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        wait_seconds: float = WAIT_SECONDS,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.address = destination.address
        self._wait_seconds = wait_seconds
        self._secrets = [
            value
            for name, value in environ.items()
            if _SECRET.search(name) and len(value) >= _MIN_SECRET_CHARACTERS
        ]
        self._folder = (
            Path(destination.address.removeprefix("file://"))
            if destination.kind == "file"
            else None
        )
        self._files: Any = self._call(lambda: _open(destination.kind), n_bytes=0)
        if self._folder and not self._folder.is_dir():
            raise PublishError(
                f"The folder {self._folder} of {URL} does not exist.",
                "It is never made: where a disk is not mounted, the copy would fill another.",
                f"Mount it, or make the folder. {REMEDY}",
            )

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """Read an object; None where there is none.

        Returns:
            At most one byte more than `max_bytes`, by which a longer one is known.
        """
        place = self._place(name)
        try:
            content: bytes = self._call(
                lambda: self._files.cat_file(place, start=0, end=max_bytes + 1), n_bytes=max_bytes
            )
        except _MissingError:
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write an object whole, in the place of one that is there."""
        place = self._place(name)

        def work() -> None:
            if self._folder is None:
                self._files.pipe_file(place, content)
                return
            path = self._folder / name
            remove_leftovers(path)
            with writing(path) as stream:
                stream.write(content)

        self._call(work, n_bytes=len(content))

    def _place(self, name: str) -> str:
        return f"{self.address}/{name}"

    def _call(self, work: Callable[[], T], *, n_bytes: int) -> T:
        """Do something in limited time, even where a backend would wait for ever.

        The thread of a call that is given up is left behind, and ends with the process.
        """
        seconds = self._wait_seconds + n_bytes / _MIN_BYTES_PER_SECOND
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as err:
                done.set_exception(err)

        Thread(target=run, daemon=True).start()
        try:
            return done.result(seconds)
        except FileNotFoundError as err:
            raise _MissingError(*self._unreached(err).args) from err
        except PermissionError as err:
            raise self._forbidden(err) from err
        except TimeoutError as err:  # the wait's, or the backend's own
            raise self._too_slow(seconds) from err
        except Exception as err:  # every backend has errors of its own
            raise self._unreached(err) from err

    def _too_slow(self, seconds: float) -> PublishError:
        return PublishError(
            f"{self.address} has not answered in {seconds:.0f} s.",
            f"A call has {self._wait_seconds:.0f} s, and 10 s more for each megabyte.",
            f"Look whether the store can be reached from here. {REMEDY}",
        )

    def _forbidden(self, err: Exception) -> PublishError:
        return PublishError(
            f"{self.address} does not let this user read or write ({self._said(err)}).",
            "Objects are read, listed and written there; none is deleted.",
            f"Correct the permissions, or the variables that sign in there. {REMEDY}",
        )

    def _unreached(self, err: Exception) -> PublishError:
        return PublishError(
            f"{self.address} is not reached, or does not do it ({self._said(err)}).",
            f"{URL} names a bucket or folder that is there, has room, and is reached from here.",
            f"Mend it, or correct {URL}. {REMEDY}",
        )

    def _said(self, err: Exception) -> str:
        """Return what a backend says, without what may be a secret."""
        text = re.sub(r"\?\S+", "?...", str(err) or "no more is known")
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return f"{type(err).__name__}: {text[:_SHOWN_CHARACTERS]}"


class _MissingError(PublishError):
    """There is no such object, or no such bucket."""


def _open(kind: str) -> Any:
    import fsspec  # which takes a moment, and which only a store that is named needs

    return fsspec.filesystem(kind, skip_instance_cache=True, use_listings_cache=False)
