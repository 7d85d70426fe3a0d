import json
import re

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.settings import PROFILES, SETTINGS, STUDY_SLUG, default_of
from cxr_tasks.settings.config import config_from_record, make_config
from cxr_tasks.settings.form import form_fields
from cxr_tasks.settings.model import LATER_SETTINGS
from cxr_tasks.variants import VARIANTS

FILES = {"source": "folder", "data": "/x-rays"}


def test_choices_and_help_name_every_profile_and_variant() -> None:
    assert SETTINGS["profile"].choices == tuple(PROFILES)
    assert SETTINGS["variants"].choices == SETTINGS["variants"].default == tuple(VARIANTS)
    for variant in VARIANTS.values():
        assert f"{variant.name} {variant.quickstart_epochs}" in SETTINGS["epochs"].help
    assert STUDY_SLUG in SETTINGS["kaggle_dataset"].help


def test_defaults_of_every_profile_are_possible() -> None:
    for profile in PROFILES:
        config = config_from_record({"profile": profile})
        assert config.as_dict() == config_from_record(config.as_dict()).as_dict()
        stated = [name for name in PROFILES[profile] if name not in LATER_SETTINGS]
        assert all(default_of(name, profile) == getattr(config, name) for name in stated)


def test_fingerprint_of_older_runs_stays() -> None:
    """A run that an earlier version began goes on only where its settings digest to the same."""
    assert (
        make_config({}).fingerprint
        == "9ea4c1a38b155e752a5a65764e67d13d6a0cdd7f754c8649afa39985c7d26cc1"
    )
    given = {**FILES, "variants": "vanilla_cnn", "prevalence": 0.2, "folds": 3, "promote": False}
    assert (
        make_config(given).fingerprint
        == "30ff4df9eabcec635e028e735e6e01bb746804446cc04e635d6b7a0004238d4c"
    )


def test_a_run_of_an_older_version_has_no_repeats_of_a_later_profile() -> None:
    given = {"profile": "honest", **FILES}
    older = make_config(given).as_dict()
    assert older.pop("head_repeats") == 3
    assert config_from_record(older) == make_config(given | {"head_repeats": 1})


def test_setting_that_older_runs_lack_decides_where_it_is_set() -> None:
    digests = {
        make_config(FILES | given).fingerprint
        for given in ({}, {"lung_masks": "none"}, {"lung_masks": "m/{name}"})
    }
    assert len(digests) == 3


def test_a_setting_of_later_versions_counts_where_it_is_set() -> None:
    plain = make_config(FILES).fingerprint
    for later in ({"remedy": "lungs"}, {"remedy": "both"}, {"lung_masks": "none"}):
        assert make_config({**FILES, **later}).fingerprint != plain
    assert make_config({**FILES, "remedy": "none", "lung_masks": ""}).fingerprint == plain


def test_external_images_are_treated_alike_but_none_is_left_out() -> None:
    external = {"external_source": "folder", "external_data": "/others"}
    for remedy, of_external in (("lungs", "lungs"), ("both", "both"), ("balanced", "none")):
        config = make_config({**FILES, **external, "remedy": remedy}).external_config()
        assert config is not None
        assert config.remedy == of_external


def test_profile_fills_what_is_not_given() -> None:
    paper = make_config({"profile": "paper", "kaggle_dataset": "someone/some-set"})
    assert (paper.source, paper.split, paper.epochs, paper.patience) == ("kaggle", "paper", 500, 30)


def test_given_value_wins_over_profile() -> None:
    assert make_config({"profile": "quickstart", "epochs": 3}).epochs == 3


def test_none_and_empty_mean_not_given() -> None:
    assert make_config({"epochs": None, "source": ""}) == make_config({})


def test_threads_are_left_to_the_machine_that_starts_the_run() -> None:
    assert make_config({}).threads == 0
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
        ({"epochs": -1}, "epochs=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"phantom_images": 1}, "phantom_images=1"),
        ({"profile": "paper", "epochs": 0, **FILES}, "epochs=0 in profile 'paper'"),
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
        (
            {
                "source": "folder",
                "data": "/x",
                "preset": "custom",
                "covid_glob": "a/*.png",
                "normal_glob": "./a/*.png",
            },
            "covid_glob='a/*.png' and normal_glob='./a/*.png' are the same",
        ),
        ({"source": "folder", "data": "a\nb"}, "data="),
        ({"profile": "paper", "source": "phantom", "weights": "random"}, "weights='random'"),
        ({"profile": "honest", "source": "phantom", "weights": "phantom"}, "weights='phantom'"),
    ],
)
def test_wrong_settings_are_refused_in_three_parts(given: dict[str, object], seen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(given)
    assert seen in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


HEAD_ONLY = {"variants": "mobilenetv2_frozen"}
CNN_ONLY = {"variants": "vanilla_cnn"}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"data": "covid.zip"}, {"source": "zip"}),
        ({"kaggle_dataset": "owner/set"}, {"source": "kaggle"}),
        ({"patients": "p.csv"}, FILES),
        ({"preset": "radiography"}, FILES),
        ({"preset": "radiography"}, {"external_source": "folder", "external_data": "/x"}),
        ({"max_rejected_fraction": 0.5}, FILES),
        ({"phantom_images": 48, **FILES}, {"external_source": "phantom"}),
        ({"covid_glob": "p/*", "normal_glob": "n/*", **FILES}, {"preset": "custom"}),
        ({"covid_glob": "p/*", **FILES}, {"preset": "custom", "normal_glob": "n/*"}),
        ({"repeats": 2}, {"folds": 5}),
        ({"weights": "w.h5", **CNN_ONLY}, HEAD_ONLY),
        ({"precision": "mixed", **HEAD_ONLY}, CNN_ONLY),
        ({"external_data": "/x"}, {"external_source": "folder"}),
        ({"external_preset": "study"}, {"external_source": "zip", "external_data": "x.zip"}),
        ({"external_patients": "p.csv"}, {"external_source": "kaggle", "external_data": "o/s"}),
        ({"allow_shortcut": True, "promote": False, **FILES}, {"promote": True}),
        ({"allow_shortcut": True}, FILES),
        ({"allow_shortcut": True, "split": "paper", **FILES}, {"split": "grouped"}),
        ({"challenge_level": "fixed"}, FILES),
        ({"challenge_level": "fixed", "promote": False, **FILES}, {"promote": True}),
        ({"challenge_level": "fixed", "split": "paper", **FILES}, {"split": "grouped"}),
    ],
)
def test_setting_that_can_do_nothing_is_refused_and_accepted_where_it_can(
    given: dict[str, object], changed: dict[str, object]
) -> None:
    name, value = next(iter(given.items()))
    with pytest.raises(ConfigError, match="has no effect") as caught:
        make_config(given)
    assert caught.value.problem.startswith(f"{name}={value!r} with ")
    assert f"--{name.replace('_', '-')}" in caught.value.remedy
    assert getattr(make_config(given | changed), name) == value


def test_what_an_older_version_accepted_is_read_back() -> None:
    older = make_config({}).as_dict() | {"kaggle_dataset": "owner/set", "covid_glob": "p/*"}
    with pytest.raises(ConfigError, match="has no effect"):
        make_config(older)
    assert config_from_record(older).kaggle_dataset == "owner/set"


def test_defaults_of_the_operator_that_do_not_fit_a_choice_are_left_out() -> None:
    defaults = {
        "source": "kaggle",
        "kaggle_dataset": "owner/set",
        "preset": "custom",
        "covid_glob": "p/*",
        "normal_glob": "n/*",
        "epochs": 3,
    }
    filled = {name: field["default"] for name, field in form_fields(defaults).items()}
    del filled["run"]
    assert make_config(filled, defaults=defaults).kaggle_dataset == "owner/set"
    assert make_config({**filled, "source": "phantom"}, defaults=defaults) == make_config(
        {"epochs": 3}
    )
    with pytest.raises(ConfigError, match="kaggle_dataset='owner/other' with source='phantom'"):
        make_config(
            {**filled, "source": "phantom", "kaggle_dataset": "owner/other"}, defaults=defaults
        )


@pytest.mark.parametrize("name", ["max_rejected_fraction", "min_sensitivity", "prevalence"])
@pytest.mark.parametrize("value", [10, 95.0, -0.1, "10%", "0,1"])
def test_a_fraction_that_is_none_is_explained(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=r"a fraction: 0\.1 is 10 %") as caught:
        make_config({name: value})
    assert f"Allowed: {SETTINGS[name].minimum:g} to " in caught.value.rule


def test_form_moves_no_number_and_says_the_limits() -> None:
    fields = form_fields()
    for name, setting in SETTINGS.items():
        assert not {"minimum", "maximum"} & set(fields[name])
        assert setting.limits in fields[name]["description_md"]
    assert "Allowed: 24 to 200000." in fields["phantom_images"]["description_md"]


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
    assert [honest.n_repeats_of(name) for name in honest.variants] == [1, 3, 1, 1]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"folds": 1}, "folds=1 is not possible"),
        ({"folds": 5, "split": "paper"}, "folds=5 with split='paper'"),
        ({"repeats": 3}, "repeats=3 with folds=0"),
        ({"external_source": "zip"}, "external_source='zip' with external_data=''"),
        ({"external_data": "x.zip"}, "external_data='x.zip' with external_source='none'"),
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


@pytest.mark.parametrize("name", [name for name, each in SETTINGS.items() if each.by_profile])
def test_help_says_what_each_profile_has(name: str) -> None:
    said = SETTINGS[name].help
    assert "{" not in said
    for profile in PROFILES:
        value = str(default_of(name, profile))
        assert profile in said
        assert value in said or (name, value) == ("epochs", "0")
