from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.reporting.checklist import STATUS_NAMES, Item, checklist
from tests.drawn_run import Drawing, draw_run, finish_report


def answers(root: Path, drawing: Drawing, **settings: Any) -> dict[int, Item]:
    run, config = draw_run(root, drawing, **settings)
    return {item.number: item for item in checklist(finish_report(run, config))}


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Item]:
    return answers(tmp_path_factory.mktemp("synthetic"), Drawing(explained=False, split="paper"))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Item]:
    drawing = Drawing(n_folds=3, synthetic=False, external=True, weights_origin="file")
    return answers(tmp_path_factory.mktemp("given"), drawing)


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


def test_page_counts_what_it_lists(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing())
    items = checklist(finish_report(run, config))
    page = (run.report / "index.html").read_text()
    n = Counter(item.status for item in items)
    assert f"{n['answered']} of 44 items are answered by the run" in page
    assert f"{n['person']} need a person" in page
    assert page.count('class="state ') == 44
