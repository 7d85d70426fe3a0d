from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.form import settings_in_force


def test_what_was_chosen_comes_first_and_every_setting_once() -> None:
    given = {"profile": "quickstart", "epochs": 3, "variants": "vanilla_cnn", "threads": 1}
    first, *rest = settings_in_force(make_config(given))
    assert first == "profile quickstart, chosen beside it: variants=vanilla_cnn, epochs=3"
    told = " ".join(rest)
    for name in ("seed=42", "batch_size=16", "patience=100", "threads=1", "source=phantom"):
        assert told.count(name) == 1
    assert "epochs=" not in told
    assert "kaggle_dataset" not in told  # empty
    assert len(rest) <= len({setting.section for setting in SETTINGS.values()})


def test_profile_alone_chooses_nothing() -> None:
    first, *_ = settings_in_force(make_config({}))
    assert first == "profile quickstart, chosen beside it: nothing"
