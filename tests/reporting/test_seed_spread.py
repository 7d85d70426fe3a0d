from pathlib import Path

from cxr_tasks.reporting.report_record import SeedsFacts
from cxr_tasks.variants import VARIANTS
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

SHOWN = list(VARIANTS)[1]
USUAL = Drawing(n_images=48, explained=False, skipped=list(VARIANTS)[2:])


def seeds_of(root: Path, key: str, **settings: int) -> SeedsFacts | None:
    run, config = draw_run(root, USUAL, key=key, **settings)
    return finish_report(run, config).seeds


def test_runs_that_differ_in_the_seed_alone_stand_beside_each_other(tmp_path: Path) -> None:
    assert seeds_of(tmp_path, "first", seed=1) is None
    found = seeds_of(tmp_path, "second", seed=2)
    assert found is not None
    assert found.runs == ["first"]
    spread = found.variants[SHOWN].accuracy
    assert spread is not None
    assert spread.n == 2
    page = (tmp_path / "runs" / "second" / "report" / "index.html").read_text()
    assert "This run and 1 other run that differ in the seed alone" in page
    assert "other patients" in page


def test_runs_of_other_settings_or_the_same_seed_do_not_count(tmp_path: Path) -> None:
    seeds_of(tmp_path, "first", seed=1)
    assert seeds_of(tmp_path, "patient", seed=2, patience=7) is None
    assert seeds_of(tmp_path, "again", seed=1) is None


def test_a_damaged_report_is_passed_over(tmp_path: Path) -> None:
    seeds_of(tmp_path, "first", seed=1)
    (tmp_path / "runs" / "first" / "report" / "report.json").write_text("{")
    assert seeds_of(tmp_path, "second", seed=2) is None
