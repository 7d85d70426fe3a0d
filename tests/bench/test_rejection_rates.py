from pathlib import Path

import numpy as np
import pytest

from bench.correlated import draw_right
from bench.rejection_rates import as_table, main, rejection_rates
from cxr_tasks.volume.files import read_json


def test_images_of_a_patient_are_as_alike_as_asked() -> None:
    rng = np.random.default_rng(0)
    right = draw_right(rng, np.full(20_000, 2), 0.8, 0.6).reshape(-1, 2).astype(float)
    assert right.mean() == pytest.approx(0.8, abs=0.01)
    assert np.corrcoef(right[:, 0], right[:, 1])[0, 1] == pytest.approx(0.6, abs=0.03)


def test_tests_by_image_reject_too_often_and_those_over_groups_do_not() -> None:
    """The rates in docs/report.md are of 10,000 draws; 400 tell the two kinds of test apart."""
    rates = rejection_rates(np.full(80, 4), 0.6, n_repeats=400, seed=3)
    assert rates["McNemar"] > 0.15
    assert rates["binomial, 50%"] > 0.1
    for share in ("50%", "70%"):
        assert rates[f"over groups, {share}"] < 0.09
    assert 0.01 < rates["sign flips over groups"] < 0.09


def test_same_seed_gives_the_same_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert main(["--repeats", "5", "--seed", "7", "--out", str(tmp_path / name)]) == 0
    first, second = (read_json(tmp_path / name) for name in ("a", "b"))
    assert first["rows"] == second["rows"]
    assert (first["n_repeats"], first["seed"]) == (5, 7)
    assert as_table(first) in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--repeats", "0"], ["--seed", "-1"]])
def test_wrong_numbers_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert wrong[1] in capsys.readouterr().err
