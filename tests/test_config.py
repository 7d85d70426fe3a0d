import json
import re

import pytest

from cxr_tasks.config import config_from_record, make_config
from cxr_tasks.errors import ConfigError
from cxr_tasks.form import form_fields
from cxr_tasks.settings import SETTINGS


def test_profile_fills_what_is_not_given() -> None:
    paper = make_config({"profile": "paper", "kaggle_dataset": "someone/some-set"})
    assert (paper.source, paper.split, paper.epochs, paper.patience) == ("kaggle", "paper", 500, 30)


def test_given_value_wins_over_profile() -> None:
    assert make_config({"profile": "quickstart", "epochs": 3}).epochs == 3


def test_none_and_empty_mean_not_given() -> None:
    assert make_config({"epochs": None, "source": ""}) == make_config({})


def test_threads_are_resolved_to_a_number() -> None:
    assert make_config({}).threads >= 1
    assert make_config({"threads": 3}).threads == 3


def test_config_survives_json() -> None:
    config = make_config({"variants": "mobilenetv2_frozen,vanilla_cnn", "seed": 7})
    assert config_from_record(json.loads(json.dumps(config.as_dict()))) == config


def test_variants_keep_their_order() -> None:
    config = make_config({"variants": ["mobilenetv2_frozen", "vanilla_cnn"]})
    assert config.variants == ("vanilla_cnn", "mobilenetv2_frozen")


def test_every_setting_decides_the_fingerprint() -> None:
    assert make_config({"seed": 1}).fingerprint != make_config({"seed": 2}).fingerprint


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"epoch": 3}, "epoch"),
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": "many"}, "epochs='many'"),
        ({"epochs": True}, "epochs=True"),
        ({"max_rejected_fraction": 1.5}, "max_rejected_fraction=1.5"),
        ({"max_rejected_fraction": float("nan")}, "nan"),
        ({"profile": "fast"}, "profile='fast'"),
        ({"variants": []}, "variants=[]"),
        ({"variants": ["resnet"]}, "variants=['resnet']"),
        ({"source": "folder"}, "source='folder' without data"),
        ({"source": "phantom", "data": "x"}, "data='x'"),
        ({"source": "zip", "data": "x", "follow_links": True}, "follow_links=True"),
        ({"source": "kaggle"}, "names no owner"),
        ({"preset": "custom"}, "preset='custom'"),
        ({"source": "folder", "data": "a\nb"}, "data="),
        ({"profile": "paper", "source": "phantom", "weights": "random"}, "weights='random'"),
    ],
)
def test_wrong_settings_are_refused_in_three_parts(given: dict[str, object], seen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(given)
    assert seen in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


def test_form_has_a_field_with_help_for_every_setting() -> None:
    fields = form_fields()
    assert set(fields) == {"run", *SETTINGS}
    assert all(field["title"] and field["description_md"] for field in fields.values())


def test_form_left_as_it_is_gives_the_defaults() -> None:
    untouched = {name: field["default"] for name, field in form_fields().items() if name != "run"}
    assert make_config(untouched) == make_config({})


def test_profile_honest_is_out_of_fold() -> None:
    honest = make_config({"profile": "honest", "kaggle_dataset": "someone/some-set"})
    assert (honest.split, honest.folds, honest.repeats, honest.patience) == ("grouped", 5, 1, 30)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"folds": 1}, "folds=1 is not possible"),
        ({"folds": 5, "split": "paper"}, "folds=5 with split='paper'"),
        ({"repeats": 3}, "repeats=3 without folds"),
        ({"external_source": "zip"}, "external_source='zip' with external_data=''"),
        ({"external_data": "x.zip"}, "external_source='none' with external_data='x.zip'"),
        ({"external_source": "kaggle", "external_data": "set"}, "names no owner"),
        ({"external_patients": "p.csv"}, "external_patients='p.csv' with external_source='none'"),
        ({"min_sensitivity": 0.0}, "min_sensitivity=0.0 is not possible"),
        ({"prevalence": 1.0}, "prevalence=1.0 is not possible"),
    ],
)
def test_settings_of_evaluation_that_do_not_go_together_are_refused(
    given: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        make_config(given)
