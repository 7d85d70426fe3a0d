"""Commands that count over data sets refuse what cannot work, and keep a full run's counts."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import bench.audit_rates
import bench.real.__main__
import bench.remedies.__main__
from bench.options import add_set_options, place_of

RESULTS = Path("rates.json")


@pytest.mark.parametrize("arguments", [["--sets", "0"], ["--weights", "/no/such/file"]])
@pytest.mark.parametrize(
    ("main", "images"),
    [
        (bench.audit_rates.main, []),
        (bench.real.__main__.main, ["normals.zip"]),
        (bench.remedies.__main__.main, ["normals.zip"]),
    ],
)
def test_what_cannot_work_is_refused(
    main: Callable[[Sequence[str]], int],
    images: list[str],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*images, *arguments])
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], RESULTS),
        (["--sets", "5"], None),
        (["--set-images", "40"], None),
        (["--sets", "5", "--out", "x.json"], Path("x.json")),
    ],
)
def test_small_try_replaces_no_full_counts(arguments: list[str], place: Path | None) -> None:
    parser = argparse.ArgumentParser()
    add_set_options(parser, RESULTS)
    assert place_of(parser.parse_args(arguments), RESULTS) == place
