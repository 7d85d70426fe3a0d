"""What a terminal and a pipe are told of a run, and how much of it a window has room for."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from cxr_tasks.audit.audit_record import FindingFacts
from cxr_tasks.cli.run_page import fitting_page
from cxr_tasks.cli.run_view import show_once, showing
from cxr_tasks.cli.run_words import ending
from cxr_tasks.variants import VARIANTS
from cxr_tasks.watching.fit_log import Epoch
from cxr_tasks.watching.run_progress import (
    AuditSoFar,
    FitCurve,
    RunProgress,
    TaskProgress,
    TrainingProgress,
    VerdictSoFar,
)
from tests.made_facts import filled
from tests.watching.told import BEGAN

COPIES = filled(FindingFacts, severity="error", message="4 images are on both sides.")
SOURCES = filled(FindingFacts, severity="warning", message="One source holds one class only.")
VERDICT = VerdictSoFar("warning", "Something else predicts the label.")
PROBLEM = "audit/audit.json is not what was written."


def audit(*findings: FindingFacts) -> AuditSoFar:
    return AuditSoFar(findings, (), n_controls=7)


def training(variant: str) -> TaskProgress:
    fit = FitCurve("fold 3 of 5", (Epoch(12, 0.5, 0.8, 0.6, 0.75),))
    progress = TrainingProgress(
        fit.name, 6, 2, 12, 500, fit_until=BEGAN + 480, until=BEGAN + 900, fits=(fit,)
    )
    name = f"train {variant}"
    return TaskProgress(name, "running", "loss 0.5", variant, BEGAN, training=progress)


FOUR_TRAININGS = (
    TaskProgress("ingest", "done", "324 images, 0 rejected (33 s, 47 MB on disk)"),
    TaskProgress("split", "done", "5 folds of whole groups, 324 images (2 s, 31 kB on disk)"),
    TaskProgress("audit", "running", "controls: 200 of 324 images, 25 s left", began=BEGAN),
    *(training(variant) for variant in VARIANTS),
    TaskProgress("evaluate", "waiting", f"Waits for audit, {', '.join(VARIANTS)}."),
    TaskProgress("promote", "not selected", "Not to challenge the champion."),
)


def fitting(progress: RunProgress, *, width: int = 80, height: int) -> list[str]:
    """Return the lines of a page in a window."""
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(fitting_page(progress, BEGAN + 60, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_four_trainings_in_folds_have_a_line_each_where_the_window_is_low() -> None:
    progress = RunProgress("mine", FOUR_TRAININGS, profile="honest")
    assert len(fitting(progress, height=99)) > 20
    lines = fitting(progress, height=20)
    assert len(lines) == 8
    assert lines[1] == "done: ingest, split; not selected: promote"
    names = [line.split("  ")[0] for line in lines[2:]]
    assert names == ["audit", *(f"train {variant}" for variant in VARIANTS), "evaluate"]
    assert lines[3].endswith("fold 3 of 5, epoch 12 of at most 500: loss…")


def test_tasks_that_are_settled_share_a_line_before_others_are_cut() -> None:
    progress = RunProgress("mine", FOUR_TRAININGS)
    whole = fitting(progress, height=99)
    folded = fitting(progress, height=len(whole) - 1)
    assert folded[1].startswith("done: ingest, split")
    assert folded[-1].rstrip().endswith("mobilenetv2_unfrozen.")  # what evaluate waits for, in full
    assert "…" not in "".join(folded)


def test_findings_have_a_line_each_only_where_the_window_has_no_room_for_more() -> None:
    long = filled(FindingFacts, severity="warning", message="A source holds one class. " * 8)
    progress = RunProgress("mine", FOUR_TRAININGS, audit=audit(long, COPIES), verdict=VERDICT)
    assert "Audit, error: 4 images are on both sides." in fitting(progress, height=14)
    assert "…" not in fitting(progress, height=14)[-2]
    lines = fitting(progress, height=12)
    assert len(lines) == 11
    assert lines[-3].startswith("Verdict: ")
    assert lines[-2].endswith("…")


def test_findings_stand_beside_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show_once(RunProgress("mine", (), audit=audit(COPIES), verdict=VERDICT), now=BEGAN)
    shown = capsys.readouterr().out
    assert "Verdict: " in shown
    assert "Audit, error: 4 images are on both sides." in shown


def test_a_pipe_is_told_each_finding_and_the_verdict_once_they_are_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    looks = (
        RunProgress("mine", ()),
        RunProgress("mine", (), audit=audit(COPIES)),
        RunProgress("mine", (), audit=audit(COPIES, SOURCES)),
        RunProgress("mine", (), audit=audit(COPIES, SOURCES), verdict=VERDICT),
    )
    told = []
    with showing() as show:
        for progress in looks:
            for _ in range(2):
                show(progress, BEGAN)
                told.append(capsys.readouterr().out.partition("  ")[2].rstrip())
    assert told[0::2] == [
        "",
        "Audit, error: 4 images are on both sides.",
        "Audit, warning: One source holds one class only.",
        "Verdict: warning. Something else predicts the label.",
    ]
    assert told[1::2] == [""] * 4


def test_a_record_that_cannot_be_read_is_named_wherever_a_run_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = RunProgress("mine", (), problem=PROBLEM)
    show_once(progress, now=BEGAN)
    assert PROBLEM in capsys.readouterr().out
    with showing() as show:
        show(progress, BEGAN)
        show(progress, BEGAN + 1)
    assert capsys.readouterr().out.count(PROBLEM) == 1
    assert PROBLEM in ending(RunProgress("mine", (), "finished", problem=PROBLEM), report=Path())
