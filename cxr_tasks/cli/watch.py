"""The command `watch`: whether the source of the scheduled runs has changed."""

from collections.abc import Mapping
from datetime import UTC, datetime

from cxr_tasks.cli.command import Command, Options
from cxr_tasks.settings.defaults import read_defaults
from cxr_tasks.volume.paths import Home


def _run(_options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.flow.watch import LOOKED_BY, look  # which imports much

    look(
        read_defaults({**environ, "CXR_HOME": str(home.root)}).config,
        home,
        looked_by=environ.get(LOOKED_BY, ""),
        now=datetime.now(UTC),
        environ=environ,
        report=lambda line: print(line, flush=True),
    )
    return 0


COMMAND = Command("look whether the source of scheduled runs has changed", _run)
