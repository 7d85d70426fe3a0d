"""Runs side by side: what differs, on what ground, and who is named."""

import re
from typing import Any

import pytest

from cxr_tasks.site.comparison import Comparison, compare
from cxr_tasks.site.library import Library
from cxr_tasks.site.reading import read_report
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.sealed import read_sealed
from tests.site.asking import text_of
from tests.site.shelf import BEGAN, Change, on_data, put_run, put_unfinished
from tests.stored import change_record

FROZEN = "mobilenetv2_frozen"


def page_of(home: Home, *keys: str) -> str:
    return str(Site(home).compared(keys, base="/cxr").body)


def compared(home: Home, *keys: str) -> Comparison:
    runs = []
    for key in keys:
        facts = Library(home).find(key)
        assert facts is not None
        runs.append((facts, read_report(home.run(key))))
    comparison = compare(runs)
    assert comparison is not None
    return comparison


def put_runs(home: Home, template: RunPaths, **changes: Change) -> None:
    for key, change in changes.items():
        put_run(home, template, key, change=change)


@pytest.mark.parametrize(
    ("first", "ground", "sentence"),
    [
        (on_data("a"), "same images", "were scored on the same test images of the same data"),
        (on_data("b"), "other data", "their figures are not comparable"),
        (
            on_data("a", basis="val"),
            "same data",
            "A was scored on validation images, B was scored on test images",
        ),
        (on_data("a", split="cd" * 32), "same data", "the split is another"),
    ],
)
def test_page_says_on_what_ground_the_runs_are_compared(
    home: Home, template: RunPaths, first: Change, ground: str, sentence: str
) -> None:
    put_runs(home, template, one=first, two=on_data("a"))
    assert compared(home, "one", "two").ground == ground
    assert sentence in page_of(home, "one", "two")


def test_out_of_fold_every_image_is_scored_whatever_the_split(
    home: Home, template: RunPaths
) -> None:
    put_runs(
        home,
        template,
        one=on_data("a", basis="oof", split="ab" * 32),
        two=on_data("a", basis="oof", split="cd" * 32),
    )
    assert compared(home, "one", "two").ground == "same images"


def test_one_run_on_other_data_among_three_is_told(home: Home, template: RunPaths) -> None:
    put_runs(home, template, one=on_data("a"), two=on_data("a"), three=on_data("b"))
    assert compared(home, "one", "two", "three").ground == "other data"


def test_settings_that_differ_are_listed_first_and_no_others(
    home: Home, template: RunPaths
) -> None:
    for key in ("one", "two", "three"):
        put_run(home, template, key)
    path = home.run("two").config
    changed = {"seed": 7, "variants": [FROZEN], "older_setting": None, "newer": 1}
    change_record(path, config=read_sealed(path)["config"] | changed)
    found = compared(home, "one", "two", "three")
    every = ", ".join(found.runs[0].facts.config["variants"])
    assert {each.name: each.values for each in found.settings} == {
        "seed": ("42", "7", "42"),
        "variants": (every, FROZEN, every),
        "newer": ("not set", "1", "not set"),
    }
    headings = re.findall(r"<h2[^>]*>([^<]+)<", page_of(home, "one", "two", "three"))
    assert headings[0] == "Settings that differ"


def test_runs_are_named_by_letters_in_the_order_of_the_address(
    home: Home, template: RunPaths
) -> None:
    def real(report: dict[str, Any]) -> None:
        report["data"]["synthetic"] = False

    put_runs(home, template, b=lambda _: None, a=real, c=lambda _: None)
    found = compared(home, "c", "a", "b")
    assert [(run.letter, run.facts.key) for run in found.runs] == [
        ("A", "c"),
        ("B", "a"),
        ("C", "b"),
    ]
    assert found.synthetic == "Runs A and C"
    assert "Runs A and C are on synthetic images" in page_of(home, "c", "a", "b")


def test_two_to_six_runs_are_compared(home: Home, template: RunPaths) -> None:
    for number in range(7):
        put_run(home, template, f"run-{number}")
    keys = [f"run-{number}" for number in range(7)]
    site = Site(home)
    assert site.compared(keys[:6], base="/cxr").status == 200
    for few in ([], keys[:1], keys):
        answer = site.compared(few, base="/cxr")
        assert answer.status == (404 if few else 200)
        assert 'name="run" value="run-3"' in str(answer.body)
    assert "At most 6 runs can be compared; 7 were chosen" in page_of(home, *keys)
    assert "Two runs are needed" in page_of(home, "run-1", "run-1")


def test_a_run_without_a_report_cannot_be_compared(home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_run(home, template, "three")
    put_unfinished(home, template, "two")
    answer = Site(home).compared(["one", "three", "two"], base="/cxr")
    assert answer.status == 404
    assert "Not on the shared volume, or without a report that can be read: two." in text_of(answer)


def test_a_run_can_be_taken_away_and_another_added(home: Home, template: RunPaths) -> None:
    for key in ("one", "two", "three", "four"):
        put_run(home, template, key)
    page = page_of(home, "one", "two", "three")
    assert 'href="/cxr/compare?run=one&amp;run=three"' in page.replace("&run", "&amp;run")
    assert '<option value="four">' in page
    assert '<option value="one">' not in page


def test_any_of_many_runs_can_be_named(home: Home, template: RunPaths) -> None:
    for number in range(33):
        put_run(home, template, f"run-{number:02d}", began=BEGAN + 60 * number)
    assert page_of(home, "run-31", "run-32").count('<option value="run-') == 31
    choice = page_of(home, "run-02", "")  # of the field for a name, left empty
    assert "Two runs are needed" in choice
    assert choice.count('type="checkbox" name="run"') == 31
    assert '<option value="run-00">' in choice
    assert page_of(home, "run-02", "run-00", "").count("run=run-00") == 0
