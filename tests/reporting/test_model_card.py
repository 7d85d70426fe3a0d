from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.reporting.documents import model_card
from cxr_tasks.wording import percent
from tests.drawn_run import Drawing, draw_run, finish_report


def make(root: Path, drawing: Drawing, **settings: Any) -> tuple[dict[str, Any], str]:
    run, config = draw_run(root, drawing, **settings)
    return finish_report(run, config), (run.report / "model_card.md").read_text()


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return make(tmp_path_factory.mktemp("single"), Drawing(n_images=100))


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    drawing = Drawing(n_folds=3, synthetic=False, external=True, weights_origin="file")
    return make(tmp_path_factory.mktemp("folded"), drawing)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    drawing = Drawing(split="paper", explained=False, skipped=("vanilla_cnn",))
    return make(tmp_path_factory.mktemp("studied"), drawing)


def test_figures_are_those_of_the_recommended_variant_with_intervals(
    single: tuple[dict[str, Any], str],
) -> None:
    report, card = single
    headline = report["variants"][report["recommendation"]["variant"]]["headline"]
    for name in ("accuracy", "sensitivity", "specificity"):
        low, high = headline[name]["interval"]
        told = f"{percent(headline[name]['value'])} ({100 * low:.1f} to {percent(high)})"
        assert f"- {name}: {told}" in card
    assert f"ROC AUC: {headline['roc_auc']['value']:.3f} (" in card


def test_model_after_folds_is_said_to_be_never_scored_and_only_that(
    single: tuple[dict[str, Any], str], folded: tuple[dict[str, Any], str]
) -> None:
    assert "This model itself was never scored" in folded[1]
    assert "of 3 models trained the same way" in folded[1]
    assert "never scored" not in single[1]


def test_cut_off_is_told_only_where_images_were_left_to_choose_one(
    single: tuple[dict[str, Any], str],
    folded: tuple[dict[str, Any], str],
    studied: tuple[dict[str, Any], str],
) -> None:
    assert "no images were left to choose one on" in studied[1]
    assert "Temperature" not in studied[1]
    assert "On images that did not choose it" in single[1]
    assert "the median of the folds' own" in folded[1]
    assert "the median of the folds' own" not in single[1]


def test_calibration_is_told_with_and_without_temperature(
    single: tuple[dict[str, Any], str],
) -> None:
    report, card = single
    chosen = report["variants"][report["recommendation"]["variant"]]
    calibration = chosen["statistics"]["calibration"]
    for key in ("raw", "scaled"):
        assert f"{calibration[key]['ece']:.3f}" in card


def test_what_is_missing_is_said(
    single: tuple[dict[str, Any], str],
    folded: tuple[dict[str, Any], str],
    studied: tuple[dict[str, Any], str],
) -> None:
    assert "nothing is known of images from elsewhere" in single[1]
    assert "the saved model, unchanged: ROC AUC" in folded[1]
    assert "the backend of this run gives no gradients" in studied[1]
    assert "number is about patients" in single[1]
    assert "number is about patients" not in folded[1]


def test_verdict_and_every_finding_stand_in_the_card(single: tuple[dict[str, Any], str]) -> None:
    report, _ = single
    card = {section.title: section.lines for section in model_card(report)}
    told = " ".join(card["What the audit found"])
    assert report["audit"]["sentence"] in told
    assert all(finding["message"] in told for finding in report["audit"]["findings"])
    assert all(banner["text"] in card["Limits"] for banner in report["banners"])


def test_hostile_text_is_no_markup(folded: tuple[dict[str, Any], str]) -> None:
    assert "a folder of \\<images\\>" in folded[1]
    assert "\\xa0" not in folded[1]


def test_file_names_and_commands_are_not_reworded(folded: tuple[dict[str, Any], str]) -> None:
    report, _ = folded
    literal = next(section for section in model_card(report) if section.literal)
    name = report["recommendation"]["variant"]
    assert f"Run drawn, folder train/{name}/" in literal.lines
    assert report["reproduce"] in literal.lines
    assert f"SHA-256 of model.keras: {report['hashes'][f'{name}/model.keras']}" in literal.lines


def test_card_promises_no_use_on_patients(single: tuple[dict[str, Any], str]) -> None:
    assert "not a medical device" in single[1]
    assert "diagnos" not in single[1].lower()
