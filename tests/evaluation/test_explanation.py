from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.evaluation.explanation import (
    MAX_IMAGES,
    MAX_WRONG,
    explain_variant,
    mean_outside,
    outside_fractions,
)
from cxr_tasks.evaluation.explanation_record import ExplanationFacts, OutsideShare
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.model_file import save_model
from cxr_tasks.training.networks import build_model
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from tests.evaluation.networks import CENTRE, CORNER, MIDDLE, bright, spot_detector

LABELS = np.tile([0, 1], 4)
SCORES = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.7, 0.4, 0.6])


def explain(model: Any, images: Any, folder: Path, **changed: Any) -> ExplanationFacts:
    save_model(model, folder / "model.keras")
    given = {"labels": LABELS, "scores": SCORES, "rows": np.arange(len(images))} | changed
    rows, wrong = given.pop("rows"), given.pop("wrong", None)
    scored = ScoredImages(**given, groups=np.arange(len(rows)))
    facts = explain_variant(
        folder / "model.keras",
        images,
        rows,
        scored,
        wrong=~scored.are_right if wrong is None else wrong,
        region_of=lambda _row: MIDDLE,
        part="test",
        seed=0,
        built=folder,
    )
    assert facts is not None
    return facts


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_explained_from_its_saved_file(variant: str, tmp_path: Path) -> None:
    start_keras(threads=2, seed=0)
    model = build_model(VARIANTS[variant], seed=1, backbone_weights=None)
    images = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    facts = explain(model, images, tmp_path)
    maps = np.load(tmp_path / "explanation.npz")["maps"]
    side = 14 if variant == "vanilla_cnn" else 7
    assert maps.shape == (8, side, side)
    assert np.isfinite(maps).all()
    assert set(maps.max(axis=(1, 2)).tolist()) <= {0, 1}
    assert read_json(tmp_path / "explanation.json") == facts.content()
    for share in (facts.outside_fraction.covid, facts.outside_fraction.normal):
        assert share.mean is None or 0 <= share.mean <= 1


@pytest.mark.parametrize(("field", "low", "high"), [(CORNER, 0.95, 1.0), (CENTRE, 0.0, 0.05)])
def test_share_of_a_class_is_that_of_its_evidence(
    field: int, low: float, high: float, tmp_path: Path
) -> None:
    facts = explain(spot_detector(field), bright(field, n=8), tmp_path, scores=np.full(8, 0.9))
    assert low <= (facts.outside_fraction.covid.mean or 0) <= high
    assert facts.n_without_evidence == 0
    assert facts.outside_area_fraction == pytest.approx((~MIDDLE).mean())


def test_image_without_evidence_is_counted_and_its_map_is_empty(tmp_path: Path) -> None:
    facts = explain(spot_detector(CORNER), bright(CORNER, n=8), tmp_path, scores=np.full(8, 0.1))
    assert facts.n_without_evidence == 8
    assert facts.outside_fraction.covid == OutsideShare(mean=None, interval=None)
    assert all(example.outside_fraction is None for example in facts.examples)
    assert not np.load(tmp_path / "explanation.npz")["maps"].any()


def test_saved_model_is_not_changed(tmp_path: Path) -> None:
    model = spot_detector(CORNER)
    save_model(model, tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()
    explain(model, bright(CORNER, n=8), tmp_path)
    assert (tmp_path / "model.keras").read_bytes() == before


def test_examples_are_the_surest_mistakes_and_some_right_ones_of_each_class(tmp_path: Path) -> None:
    facts = explain(spot_detector(CORNER), bright(CORNER, n=8), tmp_path)
    shown = facts.examples
    assert [example.right for example in shown] == [False] * 2 + [True] * 6
    assert [example.score for example in shown[:2]] == [0.8, 0.3]
    assert [example.label for example in shown[2:]] == [1, 1, 1, 0, 0, 0]


def test_of_many_images_some_are_measured_and_the_surest_mistakes_shown(tmp_path: Path) -> None:
    n = MAX_IMAGES + 44
    labels, scores = np.zeros(n, np.int64), np.full(n, 0.1)
    scores[1::5] = np.linspace(0.6, 0.99, len(scores[1::5]))
    facts = explain(
        spot_detector(CORNER),
        bright(CORNER, n=1),
        tmp_path,
        rows=np.zeros(n, np.int64),
        labels=labels,
        scores=scores,
    )
    assert facts.n_images == MAX_IMAGES
    wrong = [example.score for example in facts.examples if not example.right]
    assert wrong == sorted(scores, reverse=True)[:MAX_WRONG]
    assert len(facts.examples) == MAX_WRONG + 4


def test_image_that_was_wrong_out_of_fold_has_a_map_though_this_model_has_it_right(
    tmp_path: Path,
) -> None:
    wrong = np.zeros(8, np.bool_)
    wrong[6] = True
    facts = explain(spot_detector(CORNER), bright(CORNER, n=8), tmp_path, wrong=wrong)
    assert [(each.row, each.right) for each in facts.examples[:3]] == [
        (4, False),
        (3, False),
        (6, True),
    ]
    assert len({each.row for each in facts.examples}) == len(facts.examples) == 8


# The share of attention outside the lungs.


@pytest.mark.parametrize("side", [7, 14, 224])
def test_even_attention_gives_the_share_of_the_area(side: int) -> None:
    wide = np.ones((224, 224), np.bool_)
    shares = outside_fractions(np.ones((2, side, side)), [MIDDLE, wide])
    assert shares == pytest.approx([(~MIDDLE).mean(), 0])


def test_share_does_not_depend_on_the_size_of_the_evidence() -> None:
    maps = np.random.default_rng(0).uniform(0, 1, (3, 7, 7))
    assert outside_fractions(1e-30 * maps, [MIDDLE] * 3) == pytest.approx(
        outside_fractions(1e6 * maps, [MIDDLE] * 3)
    )


def test_empty_map_has_no_share_and_is_left_out_of_the_mean() -> None:
    assert np.isnan(outside_fractions(np.zeros((1, 7, 7)), [MIDDLE])).all()
    assert mean_outside(np.array([0.2, np.nan, 0.6]), np.arange(3), seed=0).mean == 0.4
    none = OutsideShare(mean=None, interval=None)
    assert mean_outside(np.array([np.nan]), np.arange(1), seed=0) == none


def test_interval_is_wider_where_images_share_a_patient() -> None:
    shares = np.repeat(np.random.default_rng(1).uniform(0, 1, 20), 5)
    alone = mean_outside(shares, np.arange(100), seed=0).interval
    together = mean_outside(shares, np.repeat(np.arange(20), 5), seed=0).interval
    assert isinstance(alone, list)
    assert isinstance(together, list)
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])
