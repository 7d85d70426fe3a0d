"""Where a Kaggle data set lies: the checked download, and one under way beside it."""

import contextlib
import email.utils
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_tasks.errors import ArtifactError
from cxr_tasks.settings.kaggle_handle import slug_of
from cxr_tasks.volume.files import building, read_json, sha256_of, write_json
from cxr_tasks.volume.progress import warning

Record = dict[str, Any]

_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class KaggleFolder:
    """One data set's part of the download cache; whoever changes it holds `lock`.

    A version that is named has a part of its own.
    """

    handle: str
    cache: Path

    @property
    def slug(self) -> str:
        """The data set's name without its owner; the client names the zip by it."""
        return slug_of(self.handle)

    @property
    def finished(self) -> Path:
        """The folder of the checked zip and its record, renamed here as a whole."""
        # No part of a handle has a dot, so no two handles share a name.
        return self.cache / self.handle.replace("/", ".")

    @property
    def zip(self) -> Path:
        """The checked download."""
        return self.finished / f"{self.slug}.zip"

    @property
    def record(self) -> Path:
        """What the checked download is."""
        return self.finished / f"{self.slug}.json"

    @property
    def lock(self) -> Path:
        """Keeps two processes from one data set."""
        return self.cache / f".{self.finished.name}.lock"

    @property
    def partial(self) -> Path:
        """Where the client works."""
        return self.cache / f".{self.finished.name}.partial"

    @property
    def arriving(self) -> Path:
        """The zip that the client writes."""
        return self.partial / f"{self.slug}.zip"

    @property
    def _note(self) -> Path:
        """The client's own note about the file it is writing."""
        return self.partial / f"{self.slug}.zip.kaggle-partial"

    @property
    def _kept_note(self) -> Path:
        return self.partial / "declared.json"

    def find_kept(self, report: Callable[[str], None]) -> Record | None:
        """Read the record of a finished download whose file is still what was checked."""
        if not self.zip.exists() or not self.record.exists():
            return None
        with contextlib.suppress(ArtifactError, KeyError, TypeError, ValueError):
            record = read_json(self.record)
            email.utils.parsedate_to_datetime(record["last_modified"])
            version = record["schema_version"]
            if (version, record["sha256"]) == (_SCHEMA_VERSION, sha256_of(self.zip)):
                return record
        report(warning(f"{self.zip} is not what its record says; fetching it again"))
        return None

    def prepare(self, kept: Record | None) -> bool:
        """Lay out what the client should find; say whether that is a download to continue."""
        if self.has_begun():
            return True
        self.clear()
        self.partial.mkdir(parents=True)
        if kept is not None:
            self._stand_in(kept)
        # The client removes its note when it is done; under a second name what the server
        # declared stays. Where the volume knows no links, that is known from the file alone.
        self._kept_note.touch()
        with contextlib.suppress(OSError):
            os.link(self._kept_note, self._note)
        return False

    def has_begun(self) -> bool:
        """Whether the client has noted which file it writes; else it starts anew anyway."""
        return self.arriving.exists() and bool(self.declared())

    def declared(self) -> dict[str, Any]:
        """Give what the server declared of the file that the client began.

        Returns:
            `validator` (its ETag, else its Last-Modified) and `size`; empty where nothing was
            begun or declared.
        """
        for path in (self._kept_note, self._note):
            with contextlib.suppress(OSError, ValueError):
                content = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(content, dict):
                    return content
        return {}

    def clear(self) -> None:
        """Remove a download under way."""
        shutil.rmtree(self.partial, ignore_errors=True)

    def keep(self, *, n_files: int) -> Record:
        """Put a checked download in its place, with its record."""
        facts = self.arriving.stat()
        modified = email.utils.formatdate(facts.st_mtime, usegmt=True)
        validator = self.declared().get("validator")
        record = {
            "schema_version": _SCHEMA_VERSION,
            "handle": self.handle,
            "version": validator or modified,
            # The time the client gave the file: the server's, or its own where it knew none.
            "last_modified": modified,
            "size_bytes": facts.st_size,
            "sha256": sha256_of(self.arriving),
            "n_files": n_files,
        }
        with building(self.finished) as built:
            # Nothing counts before the folder has its name; the zip moves last, so that a
            # full disk does not cost the download.
            write_json(built / self.record.name, record)
            self.arriving.replace(built / self.zip.name)
        return record

    def _stand_in(self, kept: Record) -> None:
        """Put an empty file of the finished one's size and time where the client looks.

        It compares only these, and overwrites the file when there is a newer version; the
        finished one stays usable until the newer is checked.
        """
        with self.arriving.open("wb") as stream:
            stream.truncate(self.zip.stat().st_size)
        seconds = email.utils.parsedate_to_datetime(kept["last_modified"]).timestamp()
        os.utime(self.arriving, (seconds, seconds))
