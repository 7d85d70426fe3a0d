from cxr_tasks.reporting.tables import pair_matrix
from cxr_tasks.statistics.figures_record import AucDifference, Estimate, PairFacts
from tests.made_facts import filled


def pair(first: str, second: str, accuracy: float, interval: list[float] | None) -> PairFacts:
    return filled(
        PairFacts,
        first=first,
        second=second,
        accuracy_difference=Estimate(value=accuracy, interval=interval),
        auc_difference=AucDifference(value=None, interval=None, p_delong=None),
        p_holm=0.01,
        distinguishable=True,
    )


def test_a_pair_stands_in_both_directions_with_its_interval_turned() -> None:
    matrix = pair_matrix([pair("a", "b", 0.1, [-0.02, 0.2])])
    assert matrix["a"]["b"].accuracy == Estimate(value=0.1, interval=[-0.02, 0.2])
    assert matrix["b"]["a"].accuracy == Estimate(value=-0.1, interval=[-0.2, 0.02])
    assert matrix["b"]["a"].distinguishable
    assert matrix["b"]["a"].auc == Estimate(value=None, interval=None)


def test_every_variant_has_a_row_against_all_others_in_order() -> None:
    matrix = pair_matrix(
        [pair("a", "b", 0.1, None), pair("a", "c", 0.2, None), pair("b", "c", 0.3, None)]
    )
    assert list(matrix) == ["a", "b", "c"]
    assert {name: set(row) for name, row in matrix.items()} == {
        "a": {"b", "c"},
        "b": {"a", "c"},
        "c": {"a", "b"},
    }
