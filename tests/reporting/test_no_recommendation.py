"""A run of which no variant is better than chance: no recommendation, said alike everywhere."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from cxr_tasks.evaluation.banners import CHANCE
from cxr_tasks.flow.result import describe_result
from cxr_tasks.reporting.documents import checklist, model_card
from cxr_tasks.reporting.last_screen import last_screen
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from tests.drawing import Drawing
from tests.reporting.made_report import Made, make, notes_of

NONE = "Recommended: none"
CHOOSING = Drawing(n_images=80, n_folds=5)
GUESSING = Drawing(
    n_images=80,
    n_folds=5,
    external=True,
    synthetic=False,
    weights_origin="file",
    spot=0,
    strengths=dict.fromkeys(VARIANTS, 0.0),
)


@pytest.fixture(scope="module")
def guessing(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("guessing"), GUESSING)


def last_words(made: Made) -> str:
    return last_screen(made.report, width=80, report_file="index.html", with_make=True)


def test_records_name_none_and_the_best_with_its_p(guessing: Made) -> None:
    for path in (guessing.run.evaluate / "comparison.json", guessing.run.report / "report.json"):
        found = read_json(path)["recommendation"]
        assert found["variant"] is None
        assert found["best"] in VARIANTS
        assert set(found["chance"]) == set(VARIANTS)
        assert not any(each["above_chance"] for each in found["chance"].values())
        assert found["chance"][found["best"]]["p_value"] == found["p_chance"]
    assert guessing.report.audit.variant == found["best"]


def test_page_begins_without_a_large_share(guessing: Made) -> None:
    told = " ".join(guessing.parsed.text.split())
    assert NONE in told
    assert CHANCE not in notes_of(guessing)  # the recommendation says it
    assert CHANCE in [banner.text for banner in guessing.report.banners]
    assert 'class="big"' not in guessing.page
    assert "Recommended variant" not in told
    assert "which has the most images right; no variant is recommended" in told
    assert told.index("No variant is better than always naming") < told.index("Vanilla CNN 0.")
    assert not re.search(r"\d+\.\d.%", told[: told.index("Why, and how sure")])


def test_no_bold_claim_and_no_choice_where_nothing_is_recommended(guessing: Made) -> None:
    told = " ".join(guessing.parsed.text.split())
    note = "which is not shown to be better than chance. "
    for section in ("Do the probabilities mean what they say?", "A cut-off for a chosen"):
        begin = told.index(section)
        assert note in told[begin : begin + 300], section
    assert "nothing speaks against it" not in told
    assert "did choose between the variants" not in told
    assert "of the others and called" not in told
    intros = re.findall(r'<p class="intro">.*?</p>', guessing.page, re.DOTALL)
    about = [intro for intro in intros if "No variant is recommended" in intro]
    assert len(about) == 5
    assert not any("<strong>" in intro for intro in about)


def test_where_one_is_recommended_its_figures_are_claimed(tmp_path: Path) -> None:
    made = make(tmp_path, CHOOSING)
    told = " ".join(made.parsed.text.split())
    assert "did choose between the variants" in told
    assert "of the others and called" in told
    assert "No variant is recommended" not in told
    assert "by a simulation that takes images as independent" in told
    assert "no file of patients and sources was given" in told


def test_terminal_card_checklist_table_and_notifier_say_the_same(guessing: Made) -> None:
    reason = guessing.report.recommendation.reason
    assert f"{NONE}. {reason}" in " ".join(last_words(guessing).split())
    card = (guessing.run.report / "model_card.md").read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: {NONE}\n")
    assert "No model of this run is to be handed on or promoted." in card
    assert "model.keras:" not in card
    titles = [section.title for section in model_card(guessing.report)]
    assert "Figures" not in titles
    assert "What the audit found" in titles
    items = {item.number: item.answer for item in checklist(guessing.report)}
    for number in (22, 26, 37, 38):
        assert items[number].startswith(NONE), number
    assert "recommended" not in items[39]
    with (guessing.run.report / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["recommended"] for row in rows} == {"False"}
    assert all(float(row["p_holm_vs_chance"]) > 0.05 for row in rows)
    told = describe_result(
        guessing.run.home,
        dag_id="cxr_pipeline",
        run_id="x",
        state="success",
        started={"run": "drawn"},
    )
    assert f". {NONE}." in told["text"]
    assert told["recommended"] is None


def test_seconds_decide_nothing(tmp_path: Path) -> None:
    dear = dict(zip(VARIANTS, (1.0, 900.0, 2.0, 3.0), strict=True))
    one, other = (
        make(tmp_path / name, replace(CHOOSING, seconds=seconds)).report
        for name, seconds in (("one", None), ("other", dear))
    )
    frozen = [each.trained["mobilenetv2_frozen"].total_seconds for each in (one, other)]
    assert frozen == [14.4, 912.5]
    assert one.recommendation == other.recommendation
    assert one.recommendation.variant == "mobilenetv2_frozen"
    assert one.audit.variant == other.audit.variant
    assert one.banners == other.banners


@pytest.mark.parametrize("part", ["statistics", "evaluation", "reporting"])
def test_no_text_of_a_report_says_that_cost_in_seconds_decided(part: str, guessing: Made) -> None:
    texts = [guessing.page, last_words(guessing)]
    texts += [
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "cxr_tasks" / part).rglob("*")
        if path.suffix in (".py", ".j2")
    ]
    for text in texts:
        assert not re.search("cheapest|took longer to train|of the time", text)
