from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.audit.audit_record import AuditFacts, ControlFacts, finding
from cxr_tasks.evaluation.verdict import make_verdict
from cxr_tasks.evaluation.verdict_record import VerdictFacts
from cxr_tasks.statistics.scores import ScoredImages
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
            ),
            "whole_image": filled(ControlFacts, role="reference", above_chance=True, auc=1.0),
        },
        findings=[finding(check, "warning", f"About {check}.", value=1) for check in findings],
    )
    table = pd.DataFrame({"metadata": scores(control, seed=2), "whole_image": LABELS * 1.0})
    return make_verdict(audit, table, {NAME: scored}, rows, about=NAME, seed=0)


def test_model_no_better_than_a_control_is_a_shortcut_and_says_so_plainly() -> None:
    found = verdict(2.0, 2.2)
    assert found.verdict == "shortcut"
    assert found.sentence.startswith("This score is no evidence of detecting disease. File")
    assert found.findings[0].check == "shortcut"
    assert found.comparisons[NAME]["metadata"].is_shortcut
    assert set(found.comparisons[NAME]) == {"metadata"}  # a reference is no control


def test_model_far_ahead_of_a_control_is_a_warning() -> None:
    found = verdict(3.0, 0.5)
    assert found.verdict == "warning"
    assert "is ahead of it" in found.sentence
    low, _ = found.comparisons[NAME]["metadata"].difference.interval or (0, 0)
    assert low > 0.02


def test_model_little_ahead_of_a_control_is_not_called_better() -> None:
    found = verdict(1.6, 1.5)
    assert found.verdict == "warning"
    low, high = found.comparisons[NAME]["metadata"].difference.interval or (0, 0)
    assert low < 0 < 0.02 < high
    assert "is not shown to be better than file metadata." in found.sentence


@pytest.mark.parametrize(("interval", "reach"), [([0.31, 0.708], "0.71"), (None, "1.00")])
def test_without_a_finding_it_is_clean_and_says_what_may_still_hide(
    interval: list[float] | None, reach: str
) -> None:
    found = verdict(3.0, 0.0, interval=interval)
    assert found.verdict == "clean"
    assert f"Not ruled out: shortcuts worth up to AUC {reach} " in found.sentence


def test_model_at_chance_is_no_shortcut_whatever_the_control() -> None:
    found = verdict(0.0, 2.0)
    assert found.verdict == "warning"
    assert "is not above chance itself" in found.sentence


@pytest.mark.parametrize(
    "check", ["duplicates_across_split", "patients_across_split", "one_class_sources"]
)
def test_copies_patients_and_sources_are_a_warning(check: str) -> None:
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
