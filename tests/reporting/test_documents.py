"""Model card and checklist: what they say, and that it follows the run."""

from collections import Counter
from pathlib import Path

import pytest

from cxr_tasks.data.dataset import DatasetFacts
from cxr_tasks.data.sources.left_out import LINK_OUT, MASK, TABLE, left_out_in_words, left_out_of
from cxr_tasks.reporting.documents import STATUS_NAMES, Item, checklist, model_card
from cxr_tasks.runs.ingest_record import IngestFacts
from cxr_tasks.wording import percent
from tests.drawing import Drawing
from tests.made_facts import changed, filled
from tests.reporting.made_report import Made, make

LEFT_OUT = {LINK_OUT: 10, MASK: 1}


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("single"), Drawing(n_images=100))


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawing = Drawing(n_folds=3, synthetic=False, external=True, weights_origin="file")
    return make(tmp_path_factory.mktemp("folded"), drawing)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawing = Drawing(split="paper", explained=False, skipped=("vanilla_cnn",))
    return make(tmp_path_factory.mktemp("studied"), drawing)


@pytest.fixture(scope="module")
def synthetic(studied: Made) -> dict[int, Item]:
    return answers(studied)


@pytest.fixture(scope="module")
def given(folded: Made) -> dict[int, Item]:
    return answers(folded)


def answers(made: Made) -> dict[int, Item]:
    return {item.number: item for item in checklist(made.report)}


def card_of(made: Made) -> str:
    return (made.run.report / "model_card.md").read_text(encoding="utf-8")


def test_figures_are_those_of_the_recommended_variant_with_intervals(single: Made) -> None:
    report, card = single.report, card_of(single)
    headline = report.shown.headline.content()
    for name in ("accuracy", "sensitivity", "specificity"):
        low, high = headline[name]["interval"]
        told = f"{percent(headline[name]['value'])} ({100 * low:.1f} to {percent(high)})"
        assert f"- {name}: {told}" in card
    assert f"ROC AUC: {headline['roc_auc']['value']:.3f} (" in card


def test_model_after_folds_is_said_to_be_never_scored_and_only_that(
    single: Made, folded: Made
) -> None:
    assert "This model itself was never scored" in card_of(folded)
    assert "of 3 models trained the same way" in card_of(folded)
    assert "never scored" not in card_of(single)


def test_cut_off_is_told_only_where_images_were_left_to_choose_one(
    single: Made, folded: Made, studied: Made
) -> None:
    assert "no images were left to choose one on" in card_of(studied)
    assert "Temperature" not in card_of(studied)
    assert "On images that did not choose it" in card_of(single)
    assert "the median of the folds' own" in card_of(folded)
    assert "the median of the folds' own" not in card_of(single)


def test_calibration_is_told_with_and_without_temperature(single: Made) -> None:
    report, card = single.report, card_of(single)
    calibration = report.shown.statistics.calibration
    for each in (calibration.raw, calibration.scaled):
        assert each is not None
        assert f"{each.ece:.3f}" in card


def test_what_is_missing_is_said(single: Made, folded: Made, studied: Made) -> None:
    assert "nothing is known of images from elsewhere" in card_of(single)
    assert "the saved model, unchanged: ROC AUC" in card_of(folded)
    assert "the backend of this run gives no gradients" in card_of(studied)
    assert "number is about patients" in card_of(single)
    assert "number is about patients" not in card_of(folded)


def test_verdict_and_every_finding_stand_in_the_card(single: Made) -> None:
    report = single.report
    card = {section.title: section.lines for section in model_card(report)}
    told = " ".join(card["What the audit found"])
    assert report.audit.sentence in told
    assert all(finding.message in told for finding in report.audit.findings)
    assert all(banner.text in card["Limits"] for banner in report.banners)


def test_hostile_text_is_no_markup(folded: Made) -> None:
    assert "a folder of \\<images\\>" in card_of(folded)
    assert "\\xa0" not in card_of(folded)


def test_file_names_and_commands_are_not_reworded(folded: Made) -> None:
    report = folded.report
    literal = next(section for section in model_card(report) if section.literal)
    name = report.recommendation.variant
    assert f"Run drawn, folder train/{name}/" in literal.lines
    assert report.reproduce in literal.lines
    assert f"SHA-256 of model.keras: {report.hashes[f'{name}/model.keras']}" in literal.lines


def test_card_promises_no_use_on_patients(single: Made) -> None:
    assert "not a medical device" in card_of(single)
    assert "diagnos" not in card_of(single).lower()


def test_all_items_have_an_answer(synthetic: dict[int, Item], given: dict[int, Item]) -> None:
    for items in (synthetic, given):
        assert list(items) == list(range(1, 45))
        assert all(item.answer.endswith(".") for item in items.values())
        assert {item.status for item in items.values()} == set(STATUS_NAMES)


def test_what_only_people_know_of_given_images_is_left_to_a_person(given: dict[int, Item]) -> None:
    for number in (3, 4, 7, 8, 11, 14, 15, 16, 17, 34, 41, 43, 44):
        assert given[number].status == "person"


def test_drawn_images_have_no_origin_to_write_of(synthetic: dict[int, Item]) -> None:
    for number in (7, 8, 11, 14, 34):
        assert synthetic[number].status == "answered"
    assert "no patient" in synthetic[7].answer


def test_external_test_is_answered_where_there_was_one(
    synthetic: dict[int, Item], given: dict[int, Item]
) -> None:
    assert synthetic[33].status == "not available"
    assert given[33].status == "answered"
    assert "48 images" in given[33].answer


def test_explanation_is_answered_where_there_is_one(
    synthetic: dict[int, Item], given: dict[int, Item]
) -> None:
    assert synthetic[31].status == "not available"
    assert given[31].status == "answered"


def test_answers_tell_how_this_run_was_divided(
    synthetic: dict[int, Item], given: dict[int, Item]
) -> None:
    assert "3 stratified folds" in given[19].answer
    assert "Split paper" in synthetic[19].answer
    assert given[20].answer.startswith("The patient")
    assert "Where the patient is not known, the image" in given[20].answer
    assert synthetic[20].answer.startswith("The image")
    assert "optimistic" in synthetic[32].answer
    assert "Out of fold" in given[32].answer
    assert "never scored itself" in given[26].answer
    assert "never scored itself" not in synthetic[26].answer


def test_what_was_left_out_is_told_with_what_to_do(tmp_path: Path) -> None:
    left_out = {"dataset": LEFT_OUT, "external": {TABLE: 1}}
    made = make(tmp_path, Drawing(left_out=left_out, external=True))
    assert made.report.data.n_left_out_by_reason == LEFT_OUT
    items = answers(made)
    assert "10 links that lead out of the folder, 1 file in a mask folder." in items[8].answer
    assert "left out before, by name or place: 11." in items[35].answer
    assert "0 files were rejected, 11 were left out.</p>" in made.page
    assert "Set follow_links (--follow-links" in made.page
    assert "Left out there, by name or place: 1 table, which is not read." in made.page


def test_masks_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    unusable = {"a mask without lungs": 2, "a mask of another shape than the image": 1}
    made = make(tmp_path, Drawing(unusable_masks=unusable))
    assert made.report.data.n_unusable_masks_by_reason == unusable
    assert "2 a mask without lungs, 1 a mask of another shape than the image.</p>" in made.page


def test_what_older_versions_recorded_is_still_told(single: Made) -> None:
    ingest = filled(IngestFacts)
    assert left_out_of(ingest, filled(DatasetFacts)) == {}
    before = left_out_of(ingest, filled(DatasetFacts, n_unmatched=2, n_ignored_links=1))
    assert left_out_in_words(before) == "2 images in no class folder, 1 link that was not followed"
    assert single.report.data.n_left_out == 0
    assert "<h3>Left out</h3>" not in single.page


def test_page_counts_what_it_lists(single: Made) -> None:
    n = Counter(item.status for item in checklist(single.report))
    assert f"{n['answered']} of 44 items are answered by the run" in single.page
    assert f"{n['person']} need a person" in single.page
    assert single.page.count('class="state ') == 44


def test_text_from_outside_begins_no_item_and_no_section(folded: Made) -> None:
    hostile = "images\n## Model\n- Approved.\n- Metrics [answered] Perfect"
    report = changed(folded.report, {"data.description": hostile})
    assert len(checklist(report)) == 44
    before, after = (
        [(s.title, len(s.lines)) for s in model_card(r)] for r in (folded.report, report)
    )
    assert before == after
