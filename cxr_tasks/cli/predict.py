"""The command `predict`: score new images with the champion."""

import argparse
import json
from collections.abc import Mapping
from datetime import datetime

from cxr_tasks.champion.scoring.request import REQUEST, ScoreRequest, make_request
from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError
from cxr_tasks.volume.paths import Home


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a folder (all images in it and below), an image or a zip file; "
        f"without any, the request in ${REQUEST}",
    )
    parser.add_argument(
        "--name", help="of the batch, its folder below $CXR_HOME/scores; default: by the time"
    )
    parser.add_argument("--version", help="of the champion; default: the one that serves")


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.champion.scoring.batch import score_batch  # which imports much
    from cxr_tasks.champion.scoring.scores_page import summary_lines

    request = _request(options, environ)
    record = score_batch(home, request, note=_note, now=datetime.now().astimezone())
    print("\n" + summary_lines(record, home.scores(record.name)), flush=True)
    return 0


def _request(options: Options, environ: Mapping[str, str]) -> ScoreRequest:
    given = {"data": options["paths"], "version": options["version"], "name": options["name"]}
    if any(given.values()) or REQUEST not in environ:
        return make_request(given)
    try:
        content = json.loads(environ[REQUEST])
    except ValueError as err:
        raise _refused(environ[REQUEST]) from err
    if not isinstance(content, dict):
        raise _refused(environ[REQUEST])
    return make_request(content)


def _refused(text: str) -> ConfigError:
    return ConfigError(
        f"{REQUEST}={text[:200]!r} is no request.",
        "It is a JSON object with data, version and name, which the DAG cxr_score sets.",
        "Unset it, and name the images as PATH...",
    )


def _note(text: str) -> None:
    print(text, flush=True)


COMMAND = Command("score new images with the champion", _run, _add_arguments)
