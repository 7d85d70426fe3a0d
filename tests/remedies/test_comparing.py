"""Drawn runs compared: the record, its page, the terminal."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.remedies.comparing import compare_remedies
from cxr_tasks.remedies.page import as_lines
from cxr_tasks.remedies.remedies_record import RemediesRecord
from cxr_tasks.runs.failure import FailureRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import RunPaths
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

SKIPPED = ("vanilla_cnn", "mobilenetv2_unfrozen")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunPaths, RunConfig]:
    root = tmp_path_factory.mktemp("home")
    first = Drawing(n_images=100, n_folds=5, skipped=SKIPPED, spot=90)
    run, config = draw_run(root, first)
    finish_report(run, config)
    weaker = {"mobilenetv2_frozen": 0.9, "mobilenetv2_partial": 0.9}
    after = Drawing(
        n_images=100,
        n_folds=5,
        skipped=SKIPPED,
        spot=0,
        strengths=weaker,
        fingerprint="a0" * 32,
        base=first.fingerprint,
    )
    finish_report(*draw_run(root, after, key=f"{run.key}-lungs", remedy="lungs"))
    balanced = config.model_copy(update={"remedy": "balanced", "promote": False})
    stopped = start_run(balanced, run.home, f"{run.key}-balanced")
    write_json(
        stopped.error("ingest"),
        FailureRecord(message="DataError: The data set cannot be balanced: x.\nRule.").content(),
    )
    return run, config


def test_what_survives_is_written_with_its_page(runs: tuple[RunPaths, RunConfig]) -> None:
    run, config = runs
    record = compare_remedies(run, config, note=print)
    assert list(record.remedies) == ["lungs", "balanced"]
    change = record.remedies["lungs"].change
    assert change is not None
    assert set(change.variants) == {"mobilenetv2_frozen", "mobilenetv2_partial"}
    for each in change.variants.values():
        assert each.n_images == 100
        assert each.first.value is not None
        assert each.after.value is not None
        assert each.after.value < each.first.value
    told = change.controls["outside_intensity"]
    assert told.settled
    assert not told.above_chance_after
    assert record.remedies["balanced"].change is None
    assert "cannot be balanced" in record.remedies["balanced"].failure
    page = (run.remedies / "index.html").read_text()
    assert change.sentence in page.replace("&#39;", "'")
    assert "cannot be balanced" in page


def test_the_terminal_shows_a_table_that_fits(runs: tuple[RunPaths, RunConfig]) -> None:
    lines = as_lines(compare_remedies(*runs, note=print), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("mobilenetv2_frozen" in line and line.startswith("lungs") for line in lines)
    assert any(line.startswith("balanced") and "no result" in line for line in lines)


def test_it_is_not_made_twice(runs: tuple[RunPaths, RunConfig]) -> None:
    first = compare_remedies(*runs, note=print)
    made_at = (runs[0].remedies / RemediesRecord.FILE).stat().st_mtime_ns
    assert compare_remedies(*runs, note=print) == first
    assert (runs[0].remedies / RemediesRecord.FILE).stat().st_mtime_ns == made_at


def test_scores_are_of_the_same_images(runs: tuple[RunPaths, RunConfig]) -> None:
    record = compare_remedies(*runs, note=print)
    change = record.remedies["lungs"].change
    assert change is not None
    frozen = change.variants["mobilenetv2_frozen"]
    assert frozen.survived_fraction is not None
    excess = [(frozen.first.value or 0) - 0.5, (frozen.after.value or 0) - 0.5]
    assert frozen.survived_fraction.value == pytest.approx(excess[1] / excess[0])
    assert np.isfinite(frozen.survived_fraction.value or np.nan)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--run", "drawn-lungs"], "has a remedy already (lungs)"),
        (["--run", "drawn", "--only", "lungs,crop"], "No such remedy: 'crop'"),
        (["--run", "nothing"], "There is no run 'nothing'"),
    ],
)
def test_the_command_refuses_in_three_parts(
    arguments: list[str],
    told: str,
    runs: tuple[RunPaths, RunConfig],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["remedy", "--home", str(runs[0].home.root), *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 3


def test_a_run_made_from_other_images_than_the_first_is_not_compared(tmp_path: Path) -> None:
    first = Drawing(n_images=100, n_folds=5, skipped=SKIPPED)
    run, config = draw_run(tmp_path, first)
    finish_report(run, config)
    after = replace(first, fingerprint="a0" * 32, base="b1" * 32)
    finish_report(*draw_run(tmp_path, after, key=f"{run.key}-lungs", remedy="lungs"))
    outcome = compare_remedies(run, config, note=print).remedies["lungs"]
    assert outcome.change is None
    assert outcome.failure.startswith(f"The source has changed since the run {run.key}")
