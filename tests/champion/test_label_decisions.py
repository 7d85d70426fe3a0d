"""A model of labels that people changed says so wherever it is promoted."""

from pathlib import Path

from cxr_tasks.champion.versions import require_champion
from cxr_tasks.data.label_decisions import LabelDecision
from cxr_tasks.data.relabelling import Decided
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import compared, draw_challenger, promote

DECIDED = Decided(LabelDecision("COVID/COVID/image-001.png", "flip", "Ann", "2026-01-31"), 1)
SAID = "1 label was changed by decisions of Ann (README.md)."


def test_reason_and_card_say_how_many_labels_were_changed(tmp_path: Path) -> None:
    file = {"label_decisions": str(Path(__file__).parents[2] / "README.md")}
    draw_challenger(tmp_path, "first", decided=[DECIDED], settings=file)
    record = promote(Home(tmp_path), "first")
    assert record.decision == "promoted"
    assert record.reason.endswith(f"In its data {SAID}")
    champion = require_champion(Home(tmp_path))
    card = (champion.folder / "model_card.md").read_text(encoding="utf-8").replace("\\", "")
    assert SAID in card
    assert "labels.html" in champion.record.outputs  # to which its page leads


def test_the_card_says_how_many_compared_images_are_labelled_otherwise(tmp_path: Path) -> None:
    draw_challenger(tmp_path, "first", strength=0.4)
    assert promote(Home(tmp_path), "first").decision == "promoted"
    names = ["NORMAL/NORMAL/image-001.png"]  # the second image, which was COVID-19 before
    draw_challenger(
        tmp_path, "better", strength=3.0, names=["NORMAL/n.png", *names], fingerprint="ab" * 32
    )
    record = promote(Home(tmp_path), "better")
    assert record.decision == "promoted", record.reason
    assert compared(record).n_labelled_otherwise == 1
    champion = require_champion(Home(tmp_path))
    card = (champion.folder / "model_card.md").read_text(encoding="utf-8")
    assert "1 of them has another label here than in the champion's own data" in card
