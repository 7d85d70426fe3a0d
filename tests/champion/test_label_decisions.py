"""A model of labels that people changed says so wherever it is promoted."""

from pathlib import Path

from cxr_tasks.champion.describe import fill_text
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


def test_card_says_how_many_compared_images_are_labelled_otherwise(home: Home) -> None:
    facts = compared(promote(home, "best"))
    record = require_champion(home).record
    for n, said in ((0, ""), (1, "1 of them has"), (3, "3 of them have")):
        comparison = facts.model_copy(update={"n_labelled_otherwise": n})
        version = record.model_copy(update={"comparison": comparison})
        card = fill_text("promotion.md.j2", card="", version=version)
        assert said in card
        assert ("another label here than in the champion" in card) == bool(n)
