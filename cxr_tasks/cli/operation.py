"""The commands of whoever operates the project: Airflow's UI, pools, secrets, a look at the source.

`watch` is what the DAG `cxr_watch` runs.
"""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cxr_tasks.cli import Command, Options
from cxr_tasks.cli.cluster_secrets import make_env_file
from cxr_tasks.flow.airflow_ui import serve_ui
from cxr_tasks.machine.devices import pools
from cxr_tasks.settings.defaults import read_defaults
from cxr_tasks.volume.paths import Home


def _watch(_options: Options, home: Home, environ: Mapping[str, str]) -> int:
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


def _serve_ui(_options: Options, _home: Home, environ: Mapping[str, str]) -> int:
    serve_ui(environ)
    return 0


def _print_pools(_options: Options, _home: Home, environ: Mapping[str, str]) -> int:
    print(json.dumps(pools(environ), indent=2))
    return 0


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default=".env", help="the new file; default: .env")


def _make_secrets(options: Options, _home: Home, _environ: Mapping[str, str]) -> int:
    path = Path(options["file"])
    make_env_file(path)
    print(f"{path} has fresh secrets; only you can read it.")
    return 0


COMMANDS = {
    "watch": Command("check whether the source of scheduled runs has changed", _watch),
    "ui": Command(
        "start Airflow's UI on this machine, the DAGs unpaused", _serve_ui, has_home=False
    ),
    "pools": Command(
        "print the Airflow pools that the DAGs name, as JSON", _print_pools, has_home=False
    ),
    "secrets": Command(
        "write a cluster's .env file, with fresh secrets", _make_secrets, _add_file, has_home=False
    ),
}
