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


def test_a_pair_stands_once_the_row_minus_the_column() -> None:
    matrix = pair_matrix([pair("a", "b", 0.1, [-0.02, 0.2])])
    assert matrix["a"]["b"].accuracy == Estimate(value=0.1, interval=[-0.02, 0.2])
    assert matrix["a"]["b"].distinguishable
    assert matrix["b"] == {}


def test_every_variant_has_a_row_against_those_after_it_in_order() -> None:
    matrix = pair_matrix(
        [pair("a", "b", 0.1, None), pair("a", "c", 0.2, None), pair("b", "c", 0.3, None)]
    )
    assert {name: list(row) for name, row in matrix.items()} == {
        "a": ["b", "c"],
        "b": ["c"],
        "c": [],
    }
