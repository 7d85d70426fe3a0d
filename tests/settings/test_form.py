import re

import pytest

from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.form import form_fields, settings_in_force


def test_what_was_chosen_comes_first_and_every_setting_once() -> None:
    given = {"profile": "quickstart", "epochs": 3, "variants": "vanilla_cnn", "threads": 1}
    first, *rest = settings_in_force(make_config(given))
    assert first == "profile quickstart, chosen beside it: variants=vanilla_cnn, epochs=3"
    told = " ".join(rest)
    for name in ("seed=42", "batch_size=16", "patience=100", "threads=1", "source=phantom"):
        assert told.count(name) == 1
    assert "epochs=" not in told
    assert "kaggle_dataset" not in told  # empty
    assert len(rest) <= 1 + len({setting.section for setting in SETTINGS.values()})


def test_profile_alone_chooses_nothing() -> None:
    first, *_ = settings_in_force(make_config({}))
    assert first == "profile quickstart, chosen beside it: nothing"


@pytest.mark.parametrize("name", SETTINGS)
def test_help_in_airflows_form_has_no_code_which_would_cover_words(name: str) -> None:
    described = form_fields()[name]["description_md"]
    assert "`" not in described
    plain = re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\*\*", "", described))
    help_text = f"{SETTINGS[name].help} {SETTINGS[name].limits}".strip()
    assert plain == help_text.replace("`", "")


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({"epochs": 20, "patience": 19}, None),
        ({"epochs": 20, "patience": 20}, 20),
        ({"patience": 299}, None),
        ({"patience": 8, "variants": "vanilla_cnn,mobilenetv2_partial"}, 8),
        ({"epochs": 3}, 3),
    ],
)
def test_a_patience_that_never_stops_a_training_is_told(
    given: dict[str, object], most: int | None
) -> None:
    off = [line for line in settings_in_force(make_config(given)) if "early stopping" in line]
    told = f"early stopping is off: no training has more than {most} epochs"
    assert off == ([told] if most else [])
