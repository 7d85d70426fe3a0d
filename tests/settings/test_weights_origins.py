"""Where a backbone's weights came from, in the same words wherever their numbers stand."""

from pathlib import Path
from typing import get_args

import pytest

from cxr_tasks.reporting.documents import checklist, model_card
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.training.weights import Origin
from tests.drawing import Drawing
from tests.reporting.made_report import make, notes_of

OWN_WEIGHTS = "pre-trained on this project's synthetic images"


def test_every_origin_that_ingestion_records_has_its_words() -> None:
    assert set(get_args(Origin)) | {"phantom"} == set(ORIGINS)


def test_own_weights_are_told_in_report_card_and_checklist(tmp_path: Path) -> None:
    made = make(tmp_path, Drawing(n_images=140, weights_origin="phantom", stopped_by="epochs"))
    assert made.report.recommendation.variant == "mobilenetv2_frozen"
    assert f"The MobileNetV2 variants were {OWN_WEIGHTS}, not on ImageNet." in notes_of(made)
    assert f"The backbones were {OWN_WEIGHTS}" in made.parsed.text  # beside the study
    assert f"the project's own weights, {OWN_WEIGHTS}" in made.parsed.text  # how to reproduce it
    card = {section.title: " ".join(section.lines) for section in model_card(made.report)}
    assert OWN_WEIGHTS in card["Training"]
    assert OWN_WEIGHTS in card["Limits"]
    assert OWN_WEIGHTS in (made.run.report / "model_card.md").read_text(encoding="utf-8")
    answers = {item.number: item.answer for item in checklist(made.report)}
    assert OWN_WEIGHTS in answers[24]


@pytest.mark.parametrize("origin", ["file", pytest.param("keras", marks=pytest.mark.slow)])
def test_other_weights_are_not_said_to_be_the_projects_own(origin: str, tmp_path: Path) -> None:
    made = make(tmp_path, Drawing(weights_origin=origin))
    assert "this project's synthetic" not in made.page
    assert "this project&#39;s synthetic" not in made.page
