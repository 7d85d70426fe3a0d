"""Subgroups, the learning curve and the spread over repeats, in the report."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.evaluation.subgroups import Scored, make_subgroups
from cxr_tasks.evaluation.subgroups_record import SubgroupsFacts
from cxr_tasks.reporting.artifacts import Artifacts, read_artifacts
from cxr_tasks.reporting.facts import report_facts
from cxr_tasks.reporting.learning_chart import draw_learning_curve
from cxr_tasks.reporting.report import render_page
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.statistics.learning_curve import learning_curve
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.variants import VARIANTS
from tests.drawing import Drawing
from tests.drawn_run import draw_run

OTHER, SHOWN = list(VARIANTS)[:2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, ReportFigures]:
    root: Path = tmp_path_factory.mktemp("who")
    drawing = Drawing(n_images=60, explained=False, skipped=list(VARIANTS)[2:])
    artifacts = read_artifacts(*draw_run(root, drawing))
    return artifacts, report_facts(artifacts, find_equal=lambda *_: None)


@pytest.fixture(scope="module")
def subgroups() -> SubgroupsFacts:
    """Look at a variant that is worse for men, whose hospital has markup in its name."""
    labels, groups = np.tile([0, 1], 80), np.arange(160)
    men = groups % 4 < 2
    strength = np.where(men, 0.0, 4.0) * (2 * labels - 1)
    scores = 1 / (1 + np.exp(-strength - np.random.default_rng(0).normal(0, 1, 160)))
    index = pd.DataFrame({"sex": np.where(men, "M", "F"), "hospital": "<b>North</b>"})
    index.loc[:5, "hospital"] = ""
    scored = {name: ScoredImages(labels, scores, groups) for name in (OTHER, SHOWN)}
    return make_subgroups(Scored(index, scored, SHOWN, 0, n_resamples=50))


@pytest.fixture(scope="module")
def curve() -> LearningCurveFacts:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 60)
    features = rng.normal(0, 1, (120, 20)) + 0.5 * labels[:, None]
    features = (features - features.mean(axis=0)) / np.sqrt(20)
    return learning_curve(features, labels, np.arange(120), seed=0)


def page(
    drawn: tuple[Artifacts, ReportFigures],
    *,
    subgroups: SubgroupsFacts | None = None,
    curve: LearningCurveFacts | None = None,
) -> str:
    artifacts, report = drawn
    audit = report.audit.model_copy(update={"learning_curve": curve})
    changed = report.model_copy(update={"audit": audit, "subgroups": subgroups})
    return render_page(artifacts, changed)


def test_a_drawn_run_says_that_nothing_is_known(drawn: tuple[Artifacts, ReportFigures]) -> None:
    facts = drawn[1].subgroups
    assert facts is not None
    html = page(drawn, subgroups=facts)
    assert "who it works for cannot be said" in html
    assert "<summary>Every test</summary>" not in html


def test_subgroups_are_shown_with_their_finding(
    drawn: tuple[Artifacts, ReportFigures], subgroups: SubgroupsFacts
) -> None:
    html = page(drawn, subgroups=subgroups)
    assert "Sensitivity differs by sex" in html
    assert "a difference does not say why" in html
    assert "&lt;b&gt;North&lt;/b&gt;" in html
    assert "<b>North" not in html
    assert "not known of 6 images" in html
    assert f"{VARIANTS[OTHER].title} by sex" in html


def test_older_records_have_neither_section(drawn: tuple[Artifacts, ReportFigures]) -> None:
    html = page(drawn)
    for name in ("subgroups", "learning"):
        assert f'id="{name}"' not in html
        assert f'href="#{name}"' not in html


def test_what_more_images_would_bring_is_said_of_the_ridge(
    drawn: tuple[Artifacts, ReportFigures], curve: LearningCurveFacts
) -> None:
    html = page(drawn, curve=curve)
    assert "With 240 images like these, twice as many as now, an AUC of" in html
    assert "not a promise about the fine-tuned networks" in html
    described = str(draw_learning_curve(curve))
    assert f"480 images {curve.expected[2].auc:.3f}" in described


def test_where_nothing_is_expected_the_reason_is_said(
    drawn: tuple[Artifacts, ReportFigures], curve: LearningCurveFacts
) -> None:
    reason = "The features are not told from chance."
    nothing = curve.model_copy(update={"expected": [], "points": [], "reason": reason})
    html = page(drawn, curve=nothing)
    assert f"Nothing is expected of more images.</strong> {reason}" in html
    assert draw_learning_curve(nothing) is None
