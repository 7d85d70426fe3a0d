from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.data.sources.left_out import LINK_OUT, MASK, TABLE, left_out_of, told
from cxr_tasks.reporting.documents import STATUS_NAMES, Item, checklist
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


LEFT_OUT = {LINK_OUT: 10, MASK: 1}


def test_what_was_left_out_is_told_with_what_to_do(tmp_path: Path) -> None:
    left_out = {"dataset": LEFT_OUT, "external": {TABLE: 1}}
    run, config = draw_run(tmp_path, Drawing(left_out=left_out, external=True))
    report = finish_report(run, config)
    assert report["data"]["n_left_out_by_reason"] == LEFT_OUT
    items = {item.number: item.answer for item in checklist(report)}
    assert "10 links that lead out of the folder, 1 file in a mask folder." in items[8]
    assert "left out before, by name or place: 11." in items[35]
    page = (run.report / "index.html").read_text()
    assert "0 files were rejected, 11 were left out.</p>" in page
    assert "Set follow_links (--follow-links" in page
    assert "Left out there, by name or place: 1 table, which is not read." in page


def test_what_older_versions_recorded_is_still_told(tmp_path: Path) -> None:
    ingest = {"dataset": "d", "external": None}
    assert left_out_of(ingest, {"n_images": 3}) == {}
    before = left_out_of(ingest, {"n_unmatched": 2, "n_ignored_links": 1})
    assert told(before) == "2 images in no class folder, 1 link that was not followed"
    run, config = draw_run(tmp_path, Drawing())
    report = finish_report(run, config)
    assert report["data"]["n_left_out"] == 0
    assert "<h3>Left out</h3>" not in (run.report / "index.html").read_text()


def test_page_counts_what_it_lists(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing())
    items = checklist(finish_report(run, config))
    page = (run.report / "index.html").read_text()
    n = Counter(item.status for item in items)
    assert f"{n['answered']} of 44 items are answered by the run" in page
    assert f"{n['person']} need a person" in page
    assert page.count('class="state ') == 44
