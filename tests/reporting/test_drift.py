"""Drift in the report: the finding, the section, and the verdict that does not depend on it."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from cxr_tasks.audit.drift_comparison import Features, compare_datasets
from cxr_tasks.audit.drift_record import DriftCompared, DriftNotCompared
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.reporting.drift_chart import draw_drift
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home
from tests.drawing import FINGERPRINT, Drawing
from tests.drawn_run import draw_run
from tests.reporting.made_report import Made, make

OTHER = "d1" * 32
USUAL: dict[str, Any] = {"n_images": 60, "explained": False, "skipped": list(VARIANTS)[1:]}


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> DriftCompared:
    """Compare two drawn data sets, of which the new one has other features."""
    root = tmp_path_factory.mktemp("two")
    draw_run(root, Drawing(**USUAL), key="old")
    draw_run(root, Drawing(**USUAL | {"fingerprint": OTHER, "first": 400}), key="new")
    old, new = (open_dataset(Home(root), name) for name in (FINGERPRINT, OTHER))
    new.index["width"] += 30
    seen = np.random.default_rng(0).normal(0, 1, (2, 60, 12))
    features = Features(seen[0], seen[1] + 1)
    facts = compare_datasets(old, new, champion="0003-nightly", features=features, seed=0)
    return facts.model_copy(update={"left_out": ["Something <was> left out."]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, drift: DriftCompared) -> Made:
    return make(tmp_path_factory.mktemp("drift"), Drawing(**USUAL, drift=drift))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("without"), Drawing(**USUAL))


def text_of(made: Made) -> str:
    return " ".join(made.parsed.text.split())


def test_json_has_all_of_the_drift(made: Made, without: Made, drift: DriftCompared) -> None:
    read = json.loads((made.run.report / "report.json").read_text(encoding="utf-8"))
    assert read["audit"]["drift"] == drift.content()
    assert without.report.audit.drift is None


def test_finding_warns_and_verdict_stays_as_it_was(made: Made, without: Made) -> None:
    [told] = [each for each in made.report.audit.findings if each.check == "drift"]
    assert told.severity == "warning"
    assert told.message in text_of(made).replace("\xa0", " ")
    assert made.report.audit.verdict == without.report.audit.verdict
    assert made.report.audit.sentence == without.report.audit.sentence


def test_section_has_a_row_for_each_comparison_and_marks_what_moved(
    made: Made, drift: DriftCompared
) -> None:
    section = made.page[made.page.index('<section id="drift">') :].split("</section>")[0]
    rows = section.split("<tr")[2:]
    assert len(rows) == len(drift.checks) == 1 + 2 * 6
    for row, check in zip(rows, drift.checks, strict=True):
        assert (">moved<" in row) == check.moved
        assert f"{check.effect:.2f}" in row
    assert section.count("<svg") == 5
    assert "Something &lt;was&gt; left out." in section
    assert '<a href="#drift">' in made.page


def test_section_says_what_drift_does_not_say(made: Made, drift: DriftCompared) -> None:
    n_moved = sum(check.moved for check in drift.checks)
    told = text_of(made)
    assert f"{n_moved} of 13 comparisons moved against the data of the champion" in told
    assert "It says nothing about which model is better" in told


def test_without_champion_there_is_no_section(without: Made) -> None:
    assert 'id="drift"' not in without.page
    assert '"#drift"' not in without.page


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        ("same data", "", "Nothing can have moved"),
        ("not compared", "It is <gone>.", "It is <gone>."),
    ],
)
def test_where_nothing_was_compared_the_section_says_why(
    status: Literal["same data", "not compared"], reason: str, told: str, tmp_path: Path
) -> None:
    drift = DriftNotCompared(
        champion="0003-nightly", dataset=FINGERPRINT, status=status, reason=reason
    )
    made = make(tmp_path, Drawing(**USUAL, drift=drift))
    assert told in text_of(made)


def test_without_new_images_only_the_balance_is_shown(drift: DriftCompared, tmp_path: Path) -> None:
    balance = [drift.checks[0]]
    none_new = {"checks": balance, "n_new": 0, "n_shared": 60, "n_gone": 7}
    made = make(tmp_path, Drawing(**USUAL, drift=drift.model_copy(update=none_new)))
    assert "None of this run's 60 images is new; 7 of the champion's 60 are gone" in text_of(made)
    assert draw_drift(made.report.audit.drift) == {}


def test_picture_names_its_quantity_and_both_sides(drift: DriftCompared) -> None:
    charts = draw_drift(drift)
    assert list(charts) == ["mean grey", "spread of grey", "width", "height", "file size"]
    assert ">px<" in charts["width"]
    assert "Medians of width (px): COVID-19" in charts["width"]
    assert "COVID-19, new" in charts["width"]
    assert "var(--accent)" in charts["width"]
