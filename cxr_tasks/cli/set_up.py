"""The commands that set a machine up: Airflow's UI, its pools, a cluster's secrets."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.cli.cluster_secrets import make_env_file
from cxr_tasks.cli.command import Command, Options
from cxr_tasks.flow.airflow_ui import serve_ui
from cxr_tasks.machine.devices import pools
from cxr_tasks.volume.paths import Home


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


UI = Command("start Airflow's UI on this machine, the DAGs unpaused", _serve_ui)
POOLS = Command("print the Airflow pools that the DAGs name, as JSON", _print_pools)
SECRETS = Command("write a cluster's .env file, with fresh secrets", _make_secrets, _add_file)
