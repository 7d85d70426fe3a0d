import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cxr_tasks.champion.scoring.request import (
    KEYS,
    REQUEST,
    make_request,
    names_data,
    request_environment,
    score_form_fields,
)
from cxr_tasks.errors import ConfigError


def test_data_is_one_path_a_line_and_each_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one, and more", "two"):
        (tmp_path / name).mkdir()
    request = make_request({"data": f"one, and more\n  {tmp_path}/two/\n\n./two\n"})
    assert request.paths == (f"{tmp_path}/one, and more", f"{tmp_path}/two")
    assert (request.version, request.name) == (None, "")


def test_list_may_hold_what_no_line_can(tmp_path: Path) -> None:
    path = tmp_path / " two\nlines "
    path.mkdir()
    assert make_request({"data": [str(path)]}).paths == (str(path),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "No images are named"),
        ({"data": " \n"}, "No images are named"),
        ({"data": []}, "No images are named"),
        ({"data": "/no/such/folder"}, "No file or folder: '/no/such/folder'"),
        ({"data": "/dev/null"}, "No file or folder: '/dev/null'"),
        ({"data": "a\0b"}, "No file or folder"),
        ({"data": 7}, "data=7 is not possible"),
        ({"data": [7]}, "data=.7. is not possible"),
        ({"data": "/", "version": 3}, "version=3 is not possible"),
        ({"data": "/", "name": "../out"}, "The run name '../out' cannot be used"),
        ({"data": "/", "nmae": "x"}, "Unknown key: 'nmae'"),
    ],
)
def test_what_is_not_possible_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_request(given)


def test_at_most_five_missing_paths_are_told() -> None:
    with pytest.raises(ConfigError, match=r"(?s)'/no/4', \.\.\. \(9 in all\)"):
        make_request({"data": [f"/no/{k}" for k in range(9)]})


def test_form_fields_take_what_the_request_takes(tmp_path: Path) -> None:
    fields = score_form_fields({"data": str(tmp_path)})
    defaults = {name: field["default"] for name, field in fields.items()}
    assert tuple(fields) == KEYS
    assert make_request(defaults).paths == (str(tmp_path),)
    for field in fields.values():
        jsonschema.validate(field["default"], {"type": field["type"]})
        assert field["title"]
        assert field["description_md"]


@pytest.mark.parametrize(
    ("data", "expected"), [("", False), (" \n", False), (None, False), ("/data", True)]
)
def test_run_without_data_is_told_apart(data: str | None, expected: bool) -> None:
    assert names_data({"data": data}) is expected
    assert names_data({}) is False


def test_request_passes_through_the_environment() -> None:
    given = {"data": "/a b\n/ü", "version": "", "name": "x"}
    assert json.loads(request_environment(given)[REQUEST]) == given
