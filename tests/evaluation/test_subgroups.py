import numpy as np
import pandas as pd
import pytest

from bench.subgroup_rates import draw_page
from cxr_tasks.evaluation.subgroup_values import MIN_GROUPS, values_of
from cxr_tasks.evaluation.subgroups import MAX_SUBGROUPS, Scored, make_subgroups
from cxr_tasks.evaluation.subgroups_record import SubgroupField, SubgroupsFacts
from cxr_tasks.statistics.scores import ScoredImages

NAME, OTHER = "mobilenetv2_frozen", "vanilla_cnn"
N = 160
LABELS = np.tile([0, 1], N // 2)
GROUPS = np.arange(N)


def scores(strength: np.ndarray | float, *, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, N)
    return 1 / (1 + np.exp(-(strength * (2 * LABELS - 1) + noise)))


def look(index: pd.DataFrame, of_shown: np.ndarray, of_other: np.ndarray) -> SubgroupsFacts:
    scored = {
        OTHER: ScoredImages(LABELS, of_other, GROUPS),
        NAME: ScoredImages(LABELS, of_shown, GROUPS),
    }
    return make_subgroups(Scored(index, scored, NAME, seed=0, n_resamples=200))


def only(facts: SubgroupsFacts) -> SubgroupField:
    [field] = facts.fields
    return field


def test_a_model_that_is_worse_for_one_sex_is_found_and_named() -> None:
    men = GROUPS % 4 < 2
    index = pd.DataFrame({"sex": np.where(men, "M", "F")})
    facts = look(index, scores(np.where(men, 0.0, 4.0)), scores(1.0))
    found = {test.measure for test in only(facts).tests if test.found}
    assert {"sensitivity", "specificity", "roc_auc"} <= found
    assert facts.n_tests == 4
    assert facts.findings[0].startswith("Sensitivity differs by sex: ")
    assert "(M) against" in facts.findings[0]
    assert facts.sentence == " ".join(facts.findings)
    women, men_ = sorted(only(facts).subgroups, key=lambda each: each.value)
    assert set(women.figures) == {NAME, OTHER}
    assert women.figures[NAME].roc_auc.value == pytest.approx(1.0, abs=0.01)
    assert men_.figures[NAME].roc_auc.value == pytest.approx(0.5, abs=0.15)
    assert (women.n_covid, women.n_normal, women.n_groups) == (40, 40, 80)


def test_only_the_variant_that_is_shown_is_tested() -> None:
    men = GROUPS % 4 < 2
    index = pd.DataFrame({"sex": np.where(men, "M", "F")})
    facts = look(index, scores(1.0), scores(np.where(men, 0.0, 4.0)))
    assert facts.findings == []
    assert "does not make them equal" in facts.sentence


def test_observed_minus_said_is_the_share_of_covid_minus_the_mean_probability() -> None:
    index = pd.DataFrame({"view": np.where(GROUPS % 4 < 2, "PA", "AP")})
    facts = look(index, np.where(GROUPS % 4 < 2, 0.9, 0.5), scores(1.0))
    said = {each.value: each.figures[NAME].calibration.value for each in only(facts).subgroups}
    assert said == {"PA": pytest.approx(-0.4), "AP": pytest.approx(0.0)}


def test_few_groups_are_counted_and_not_measured() -> None:
    """Nine patients of a class are too few, however many images they have; ten are enough."""
    labels = np.repeat([0, 1], 60)
    groups = np.concatenate([np.arange(60), 100 + np.arange(60) % (MIN_GROUPS - 1)])
    index = pd.DataFrame({"view": ["PA"] * 120})
    scored = ScoredImages(labels, np.linspace(0, 1, 120), groups)
    one = only(make_subgroups(Scored(index, {NAME: scored}, NAME, 0, n_resamples=50)))
    assert one.subgroups[0].figures == {}
    assert one.tests == []
    more = np.concatenate([np.arange(60), 100 + np.arange(60) % MIN_GROUPS])
    scored = ScoredImages(labels, np.linspace(0, 1, 120), more)
    one = only(make_subgroups(Scored(index, {NAME: scored}, NAME, 0, n_resamples=50)))
    assert set(one.subgroups[0].figures) == {NAME}


def test_many_rare_values_are_counted_together_and_unknown_ones_too() -> None:
    devices = np.array(["A"] * 60 + ["B"] * 60 + [f"rare {i % 15}" for i in range(30)] + [""] * 10)
    one = only(look(pd.DataFrame({"device": devices}), scores(1.0), scores(1.0)))
    assert [each.value for each in one.subgroups[:2]] == ["A", "B"]
    assert len(one.subgroups) == MAX_SUBGROUPS
    assert (one.n_more_values, one.n_more_images, one.n_unknown) == (9, 18, 10)


def test_nothing_known_is_said() -> None:
    facts = look(pd.DataFrame({"sex": [""] * N, "view": [""] * N}), scores(1.0), scores(1.0))
    assert (facts.fields, facts.n_tests) == ([], 0)
    assert facts.sentence.startswith("Nothing is known")


def test_ages_are_put_together_where_they_are_too_few_but_children_never_with_adults() -> None:
    ages = ["", "5", "17.9", "18", "39.5", "40", "85"]
    labels, groups = np.tile([0, 1], 140)[: 7 * 40], np.arange(280)
    many = pd.DataFrame({"age": np.repeat(ages, 40)})
    bands = values_of(many, "age", labels, groups)[::40].tolist()
    child = "under 18"
    assert bands == ["", child, child, "18 to 39", "18 to 39", "40 to 59", "60 or older"]
    few = pd.DataFrame({"age": np.tile(ages, 5)})
    bands = values_of(few, "age", labels[:35], groups[:35])[:7].tolist()
    assert bands == ["", child, child, *["18 or older"] * 4]


def test_fields_at_random_give_few_alarms() -> None:
    """bench/subgroup_rates.json has the rate; of 12 pages more than three would be 1 in 700."""
    pages = [draw_page(120, worse=0.0, seed=seed) for seed in range(12)]
    assert sum(bool(page.findings) for page in pages) <= 3
    assert pages[0].n_tests > 0
