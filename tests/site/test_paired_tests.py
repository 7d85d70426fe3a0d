"""Runs tested on the same images: the same figures as within a run, and no test elsewhere."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.site.ground_tests import MAX_RESAMPLES, MIN_RESAMPLES, compare_ground, joint_groups
from cxr_tasks.site.paired_tests import PairedTests
from cxr_tasks.site.reading import read_run
from cxr_tasks.site.scored_runs import Ground, ScoredRun, read_scored, same_images
from cxr_tasks.site.site import Site
from cxr_tasks.statistics.resampling import group_resamples
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.statistics.significance import compare_pairs
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.site.asking import text_of
from tests.stored import flip_bit

N = 60
LABELS = tuple(n % 2 for n in range(N))
GROUPS = tuple(n // 4 for n in range(N))
PATHS = tuple(f"{n:03d}.png" for n in range(N))


def scored(
    strength: float, *, seed: int, variants: tuple[str, ...] = ("vanilla_cnn",)
) -> ScoredRun:
    rng = np.random.default_rng(seed)
    logits = strength * (2 * np.asarray(LABELS) - 1)
    scores = {name: tuple(1 / (1 + np.exp(-logits - rng.logistic(0, 1, N)))) for name in variants}
    return ScoredRun(PATHS, LABELS, GROUPS, scores)


def test_two_runs_are_tested_as_two_variants_of_one_run_are() -> None:
    one, two = scored(0.3, seed=1), scored(3.0, seed=2)
    (pair,) = PairedTests().compare([Ground((0, 1), (one, two))])
    images = {
        name: ScoredImages(
            np.asarray(LABELS), np.asarray(run.scores["vanilla_cnn"]), np.asarray(GROUPS)
        )
        for name, run in (("one", one), ("two", two))
    }
    resamples = group_resamples(
        np.asarray(LABELS), np.asarray(GROUPS), n_resamples=MAX_RESAMPLES, seed=1
    )
    (known,) = compare_pairs(images, resamples, titles={"one": "one", "two": "two"})
    assert pair.p_holm == pytest.approx(known.p_holm)
    assert pair.test.n_only_first_right == known.n_only_first_right
    assert pair.test.accuracy.value == pytest.approx(known.accuracy_difference.value)
    assert pair.test.accuracy.interval == pytest.approx(known.accuracy_difference.interval)
    assert pair.test.roc_auc.value == pytest.approx(known.auc_difference.value)
    assert pair.test.roc_auc.interval == pytest.approx(known.auc_difference.interval)
    assert pair.ground.n_groups == known.n_groups
    assert pair.is_told_apart


def test_holm_counts_every_comparison_that_is_shown() -> None:
    one, two, three = (scored(2.0, seed=seed) for seed in (1, 2, 3))
    (alone,) = PairedTests().compare([Ground((0, 1), (one, two))])
    together = PairedTests().compare([Ground((0, 1), (one, two)), Ground((2, 3), (two, three))])
    assert len(together) == 2
    assert [(pair.first, pair.second) for pair in together] == [(0, 1), (2, 3)]
    least = min(together, key=lambda pair: pair.test.p_value)
    assert least.p_holm == pytest.approx(min(1, 2 * least.test.p_value))
    assert alone.p_holm == alone.test.p_value


def test_only_the_same_variant_is_compared() -> None:
    one = scored(1.0, seed=1, variants=("vanilla_cnn", "mobilenetv2_frozen"))
    two = scored(1.0, seed=2, variants=("mobilenetv2_frozen", "mobilenetv2_partial"))
    (pair,) = PairedTests().compare([Ground((0, 1), (one, two))])
    assert pair.test.variant == "mobilenetv2_frozen"


def test_what_was_computed_is_kept_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground((0, 1), (scored(1.0, seed=1), scored(2.0, seed=2)))
    tests = PairedTests()
    first = tests.compare([ground])
    assert compare_ground(ground) == first[0].ground  # another time: the same draws
    monkeypatch.setattr("cxr_tasks.site.ground_tests.compare_ground", None)
    assert tests.compare([ground]) == first


def test_images_that_one_run_joins_count_together() -> None:
    first = ScoredRun(PATHS[:6], LABELS[:6], (1, 1, 2, 2, 3, 4), {})
    second = ScoredRun(PATHS[:6], LABELS[:6], (7, 8, 8, 9, 10, 11), {})
    groups = joint_groups(Ground((0, 1), (first, second)))
    assert [sorted(np.flatnonzero(groups == each)) for each in np.unique(groups)] == [
        [0, 1, 2, 3],
        [4],
        [5],
    ]


def test_many_images_have_fewer_draws_but_never_too_few() -> None:
    n = 9_000
    run = ScoredRun(
        tuple(str(at) for at in range(n)),
        tuple(at % 2 for at in range(n)),
        tuple(range(n)),
        {"vanilla_cnn": tuple((at * 7919 % 1000) / 1000 for at in range(n))},
    )
    found = compare_ground(Ground((0, 1), (run, run)))
    assert MIN_RESAMPLES <= found.n_resamples < MAX_RESAMPLES
    assert found.tested[0].p_value == 1.0


def drawn(root: Path, key: str, **settings: Any) -> RunPaths:
    run, config = draw_run(root, Drawing(n_images=48), key=key, **settings)
    finish_report(run, config)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunPaths]:
    root = tmp_path_factory.mktemp("paired")
    return [drawn(root, "one"), drawn(root, "two", seed=7)]


def grounds_of(runs: list[RunPaths]) -> list[Ground]:
    reports = [read_run(run).report for run in runs]
    known = [report for report in reports if report]
    return same_images(
        [read_scored(run, each) for run, each in zip(runs, known, strict=True)], known
    )


def test_runs_on_the_same_images_are_found_by_their_predictions(runs: list[RunPaths]) -> None:
    (ground,) = grounds_of(runs)
    assert ground.members == (0, 1)
    with (runs[0].evaluate / "vanilla_cnn" / "predictions.csv").open() as stream:
        of_test = [row for row in csv.DictReader(stream) if row["part"] == "test"]
    assert len(ground.runs[0].paths) == len(of_test)
    assert set(ground.runs[0].scores) == set(ground.runs[1].scores)
    assert len(PairedTests().compare([ground])) == 4


def test_a_variant_that_is_left_out_is_named_on_the_page(
    runs: list[RunPaths], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    for run in runs:
        shutil.copytree(run.root, home.run(run.key).root)

    def shown() -> str:
        return text_of(Site(home).compared(["one", "two"], base="/cxr"))

    assert "Not tested" not in shown()
    assert "over the 4 comparisons" in shown()
    flip_bit(home.run("two").evaluate / "vanilla_cnn" / "predictions.csv")
    assert f"not counted by the correction: B ({VARIANTS['vanilla_cnn'].title})." in shown()
    assert "over the 3 comparisons" in shown()
    shutil.rmtree(home.run("one").evaluate)
    assert "A (every variant); B (" in shown()


def test_damaged_or_missing_predictions_are_not_tested(runs: list[RunPaths]) -> None:
    report = read_run(runs[1]).report
    assert report is not None
    for path in sorted(runs[1].evaluate.glob("*/predictions.csv"))[:3]:
        flip_bit(path)
    remaining = read_scored(runs[1], report)
    assert remaining is not None
    assert len(remaining.scores) == 1
    for path in runs[1].evaluate.glob("*/predictions.csv"):
        path.unlink()
    assert read_scored(runs[1], report) is None
    assert grounds_of(runs) == []
