from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.audit.audit_record import AuditFacts, ControlFacts, finding
from cxr_tasks.evaluation.verdict import images_to_exclude, images_to_tell, make_verdict
from cxr_tasks.evaluation.verdict_record import VerdictFacts
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.wording import percent
from tests.made_facts import filled

N = 160
LABELS = np.tile([0, 1], N // 2)
NAME = "mobilenetv2_frozen"


def scores(strength: float, *, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, N)
    return 1 / (1 + np.exp(-(strength * (2 * LABELS - 1) + noise)))


def verdict(
    model: float,
    control: float,
    *,
    findings: tuple[str, ...] = (),
    rows: Any = None,
    interval: list[float] | None = None,
    **facts: Any,
) -> VerdictFacts:
    """Judge a model and a metadata control of given strengths; above 0.3 is above chance."""
    rows = np.arange(N) if rows is None else rows
    scored = ScoredImages(LABELS[rows], scores(model, seed=1)[rows], rows // 2 * 2 + LABELS[rows])
    audit = filled(
        AuditFacts,
        controls={
            "metadata": filled(
                ControlFacts,
                title="file metadata",
                role="control",
                above_chance=control > 0.3,
                auc=0.9,
                interval=interval,
                **facts,
            ),
            "whole_image": filled(ControlFacts, role="reference", above_chance=True, auc=1.0),
        },
        n_images=N,
        findings=[finding(check, "warning", f"About {check}.", value=1) for check in findings],
    )
    table = pd.DataFrame({"metadata": scores(control, seed=2), "whole_image": LABELS * 1.0})
    return make_verdict(audit, table, {NAME: scored}, rows, about=NAME, seed=0)


def test_model_no_better_than_a_control_is_a_shortcut_and_says_so_plainly() -> None:
    found = verdict(2.0, 2.2)
    assert found.verdict == "shortcut"
    assert found.sentence.startswith("This score is no evidence of detecting disease. File")
    assert found.findings[0].check == "shortcut"
    reached = found.comparisons[NAME]["metadata"].reached_fraction
    assert reached is not None
    assert reached.value == pytest.approx(1.0, abs=0.2)
    assert found.comparisons[NAME]["metadata"].is_shortcut
    assert set(found.comparisons[NAME]) == {"metadata"}  # a reference is no control


def test_what_no_image_shows_warns_and_is_no_shortcut() -> None:
    found = verdict(2.0, 2.2, in_picture=False)
    assert found.verdict == "warning"
    assert not found.comparisons[NAME]["metadata"].is_shortcut
    assert "File metadata (AUC 0.900) tells the classes apart; no image shows it" in found.sentence
    assert "is not shown to be better" not in found.sentence


def test_model_far_ahead_of_a_control_is_a_warning() -> None:
    found = verdict(3.0, 0.5)
    assert found.verdict == "warning"
    assert "is ahead of it" in found.sentence
    compared = found.comparisons[NAME]["metadata"]
    share = (compared.control_auc - 0.5) / (compared.model_auc - 0.5)
    assert compared.reached_fraction is not None
    assert compared.reached_fraction.value == pytest.approx(share)
    assert f"File metadata alone reaches {percent(share, 0)} (" in found.sentence
    assert compared.n_images_to_tell is None  # told already
    low, _ = found.comparisons[NAME]["metadata"].difference.interval or (0, 0)
    assert low > 0.02


def test_model_little_ahead_of_a_control_is_not_called_better() -> None:
    found = verdict(1.6, 1.5)
    assert found.verdict == "warning"
    low, high = found.comparisons[NAME]["metadata"].difference.interval or (0, 0)
    assert low < 0 < 0.02 < high
    assert "is not shown to be better than file metadata." in found.sentence
    needed = found.comparisons[NAME]["metadata"].n_images_to_tell
    assert needed is not None
    assert needed > N
    assert f"About {needed:,} such images" in found.sentence.replace(
        "\N{NARROW NO-BREAK SPACE}", ","
    )


@pytest.mark.parametrize(("interval", "reach"), [([0.31, 0.708], "0.71"), (None, "1.00")])
def test_without_a_finding_it_is_clean_and_says_what_may_still_hide(
    interval: list[float] | None, reach: str
) -> None:
    found = verdict(3.0, 0.0, interval=interval)
    assert found.verdict == "clean"
    assert f"shortcuts worth up to AUC {reach} " in found.sentence
    assert found.n_images_to_exclude is not None
    assert found.n_images_to_exclude > N


def test_model_at_chance_is_no_shortcut_whatever_the_control() -> None:
    found = verdict(0.0, 2.0)
    assert found.verdict == "warning"
    assert "is not above chance itself" in found.sentence


@pytest.mark.parametrize(
    "check", ["duplicates_across_split", "patients_across_split", "one_class_sources", "lungs"]
)
def test_copies_patients_sources_and_missing_lungs_are_a_warning(check: str) -> None:
    found = verdict(3.0, 0.0, findings=(check,))
    assert found.verdict == "warning"
    assert f"About {check}." in found.sentence


def test_only_images_of_the_basis_count() -> None:
    rows = np.arange(40, 120)
    found = verdict(2.0, 2.2, rows=rows).comparisons[NAME]["metadata"]
    from sklearn.metrics import roc_auc_score

    expected = roc_auc_score(LABELS[rows], scores(2.2, seed=2)[rows])
    assert found.control_auc == pytest.approx(expected)


def test_missing_audit_is_a_warning_and_says_that_nothing_is_known() -> None:
    scored = ScoredImages(LABELS, scores(2.0, seed=1), np.arange(N))
    found = make_verdict(None, None, {NAME: scored}, np.arange(N), about=NAME, seed=0)
    assert found.verdict == "warning"
    assert "nothing is known about shortcuts" in found.sentence


def test_four_times_the_images_halve_an_interval() -> None:
    undecided = Estimate(value=0.05, interval=[-0.05, 0.15])
    assert images_to_tell(undecided, n_images=100) == 400  # 0.1 / 0.05, squared
    # no better, more likely than ahead: 0.02 less 0 is to be told apart
    assert images_to_tell(Estimate(value=0.0, interval=[-0.04, 0.04]), n_images=100) == 400
    assert images_to_tell(Estimate(value=0.05, interval=[0.01, 0.09]), n_images=100) is None
    assert images_to_tell(Estimate(value=-0.1, interval=[-0.2, 0.0]), n_images=100) is None


def test_images_that_exclude_a_shortcut_go_by_the_widest_interval() -> None:
    controls = [
        filled(ControlFacts, auc=0.5, interval=interval)
        for interval in ([0.45, 0.55], [0.4, 0.6], [0.48, 0.52])
    ]
    assert images_to_exclude(controls, n_images=100) == 400
    assert images_to_exclude(controls[2:], n_images=100) is None
    assert images_to_exclude([filled(ControlFacts, interval=None)], n_images=123) == 13_000
