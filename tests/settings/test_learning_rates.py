"""Learning rates that a person sets: one way to write each, kept apart from the study's."""

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.config import make_config
from cxr_tasks.study import study_differences
from cxr_tasks.variants import VARIANTS

SOME = "vanilla_cnn=0.001,mobilenetv2_frozen=0.0006"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("1e-4", "0.0001"),
        (1e-4, "0.0001"),
        (1, "1.0"),
        (" mobilenetv2_frozen = 6e-4 , vanilla_cnn=.001", SOME),
        (SOME, SOME),
    ],
)
def test_equal_rates_are_equal_settings(given: object, kept: str) -> None:
    config = make_config({"learning_rate": given})
    assert config.learning_rate == kept
    assert make_config({"learning_rate": kept}).fingerprint == config.fingerprint


@pytest.mark.parametrize(
    "given",
    ["0", "-1e-4", "1.5", "nan", "inf", "fast", "resnet=1e-4", "vanilla_cnn=1e-4,vanilla_cnn=1e-3",
     "1e-4,1e-5", "vanilla_cnn=", "vanilla_cnn=1e-4,", 2, True],
)  # fmt: skip
def test_what_is_no_rate_is_refused_in_three_parts(given: object) -> None:
    with pytest.raises(ConfigError) as refused:
        make_config({"learning_rate": given})
    assert refused.value.problem.startswith("learning_rate=")
    assert "--learning-rate" in refused.value.remedy


def test_a_rate_of_a_variant_that_is_not_trained_is_refused() -> None:
    with pytest.raises(ConfigError, match="of a variant that the run trains"):
        make_config({"learning_rate": SOME, "variants": "vanilla_cnn"})


@pytest.mark.parametrize("profile", ["quickstart", "honest"])
def test_variants_without_a_rate_keep_their_own(profile: str) -> None:
    files = {} if profile == "quickstart" else {"source": "folder", "data": "/x"}
    config = make_config({"profile": profile, "learning_rate": "vanilla_cnn=0.5", **files})
    assert config.learning_rate_of("vanilla_cnn") == 0.5
    own = VARIANTS["mobilenetv2_partial"]
    assert config.learning_rate_of("mobilenetv2_partial") == (
        own.quickstart_learning_rate if profile == "quickstart" else own.learning_rate
    )
    whole = make_config({"profile": profile, "learning_rate": "0.25", **files})
    assert {whole.learning_rate_of(name) for name in VARIANTS} == {0.25}


def test_another_rate_is_a_difference_from_the_study() -> None:
    paper = {"profile": "paper", "source": "folder", "data": "/x"}
    said = [
        study_differences(
            make_config(paper | given),
            synthetic=False,
            n_by_part={"train": 243, "val": 81},
            weights_origin="keras",
        )
        for given in ({}, {"learning_rate": "vanilla_cnn=1e-3"})
    ]
    assert set(said[1]) - set(said[0]) == {
        "Learning rates of its own: Vanilla CNN 0.001 (study: 1e-05)."
    }
