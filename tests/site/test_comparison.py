"""Two runs side by side: differences only where they mean something."""

import pytest

from cxr_tasks.site.comparison import Comparison, compare
from cxr_tasks.site.library import Library
from cxr_tasks.site.site import Site
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.sealed import read_sealed
from tests.site.shelf import Change, on_data, put_run, put_unfinished, scoring
from tests.stored import change_record

FROZEN = "mobilenetv2_frozen"


def compared(home: Home, template: RunPaths, first: Change, second: Change) -> Comparison:
    put_run(home, template, "one", change=first)
    put_run(home, template, "two", change=second)
    library = Library(home)
    one, two = library.find("one"), library.find("two")
    assert one is not None
    assert two is not None
    comparison = compare(one, two)
    assert comparison is not None
    return comparison


def test_the_difference_is_second_minus_first(home: Home, template: RunPaths) -> None:
    found = compared(home, template, scoring({FROZEN: 0.8}), scoring({FROZEN: 0.75}))
    assert found.difference(FROZEN, "accuracy") == pytest.approx(-0.05)
    assert found.ground == "same images"


def test_a_variant_that_one_run_lacks_has_no_difference(home: Home, template: RunPaths) -> None:
    found = compared(home, template, lambda _: None, lambda _: None)
    assert found.difference("vanilla_cnn", "accuracy") is None


def test_other_data_are_not_comparable(home: Home, template: RunPaths) -> None:
    found = compared(home, template, on_data("a"), on_data("b"))
    assert found.ground == "other data"
    assert all(found.difference(name, "accuracy") is None for name in VARIANTS)


@pytest.mark.parametrize(
    ("first", "ground", "sentence"),
    [
        (on_data("a"), "same images", "whether it is more than chance was not tested"),
        (on_data("b"), "other data", "their figures are not comparable"),
        (
            on_data("a", basis="val"),
            "same data",
            "The first was scored on validation images, the second on test images",
        ),
        (on_data("a", split="cd" * 32), "same data", "the split is another"),
    ],
)
def test_page_says_on_what_ground_the_runs_are_compared(
    home: Home, template: RunPaths, first: Change, ground: str, sentence: str
) -> None:
    assert compared(home, template, first, on_data("a")).ground == ground
    assert sentence in str(Site(home).compared("one", "two", base="/cxr").body)


def test_settings_that_differ_are_listed_and_no_others(home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    two = put_run(home, template, "two")
    changed = {"seed": 7, "variants": [FROZEN], "older_setting": None, "newer": 1}
    change_record(two.config, config=read_sealed(two.config)["config"] | changed)
    library = Library(home)
    one, other = library.find("one"), library.find("two")
    assert one is not None
    assert other is not None
    found = compare(one, other)
    assert found is not None
    assert {each.name: (each.first, each.second) for each in found.settings} == {
        "seed": ("42", "7"),
        "variants": (", ".join(one.config["variants"]), FROZEN),
        "newer": ("not set", "1"),
    }


def test_a_run_without_a_report_cannot_be_compared(home: Home, template: RunPaths) -> None:
    put_run(home, template, "one")
    put_unfinished(home, template, "two")
    one, two = Library(home).find("one"), Library(home).find("two")
    assert one is not None
    assert two is not None
    assert compare(one, two) is None
