import numpy as np

from cxr_tasks.statistics.feature_maps import standardised, with_interactions


def test_interactions_see_what_no_column_tells_alone() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-1.0, 1.0], (200, 2))
    labels = values[:, 0] * values[:, 1]
    seen = with_interactions(standardised(values), seed=0)
    fitted = np.linalg.lstsq(seen, labels, rcond=None)[0]
    assert np.corrcoef(seen @ fitted, labels)[0, 1] > 0.99
    assert np.abs(np.corrcoef(values.T, labels)[2, :2]).max() < 0.2
