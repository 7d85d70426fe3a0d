"""Drawn runs that challenge each other, and the stage `promote` on them.

`python -m tests.champion.drawn_champion HOME RUN [STEP]` promotes a run of a home in a process of
its own; with a step that process kills itself right behind it.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cxr_tasks.champion import promotion
from cxr_tasks.champion.promotion_record import (
    ChallengeFacts,
    ContestFacts,
    ContestFigures,
    PromotionFacts,
    PromotionRecord,
)
from cxr_tasks.champion.restoring import restore_version
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.runs.start import open_run
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import finish_once
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report

VARIANT = "mobilenetv2_frozen"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OVERLAPPING, OTHER = "ab" * 32, "cd" * 32  # fingerprints of other data sets


def draw_challenger(root: Path, key: str, *, strength: float = 1.2, **drawing: Any) -> None:
    """Finish a run of one variant up to its report; real-looking, audited clean, in folds.

    Args:
        root: The home.
        key: The run's name.
        strength: How well the variant's scores follow the label.
        drawing: What else is drawn otherwise; `settings` go to the configuration.
    """
    settings = drawing.pop("settings", {})
    usual: dict[str, Any] = {
        "n_images": 160,
        "n_folds": 5,
        "synthetic": False,
        "spot": 0,
        "explained": False,
        "skipped": [name for name in VARIANTS if name != VARIANT],
    }
    drawn = Drawing(**usual | drawing | {"strengths": {VARIANT: strength}})
    run, config = draw_run(root, drawn, key=key, **settings)
    finish_report(run, config)


def versions_on_disk(home: Home) -> list[str]:
    return sorted(path.name for path in home.champion.iterdir() if path.is_dir())


def promote(home: Home, key: str, *, score: Score | None = None) -> PromotionRecord:
    """Run the stage `promote` of a run, as the stage does; nobody may score unless given."""
    run, config = open_run(home, key)
    record = finish_once(
        run.promote,
        PromotionRecord,
        inputs={"report": run.report / "report.json"},
        config_fingerprint=config.fingerprint,
        seed=config.seed,
        note=print,
        build=lambda built: promotion.make_promotion(
            run, config, score=score or refuse_to_score, now=NOW, note=lambda _: None, built=built
        ),
    )
    restore_version(run, config, record, note=print)
    return record


def compared(record: PromotionFacts) -> ContestFacts:
    """Return what was compared, which has to be."""
    assert record.comparison is not None
    return record.comparison


def challenged(record: PromotionFacts) -> ChallengeFacts:
    """Return the challenge that was counted."""
    challenge = compared(record).challenge
    assert challenge is not None
    return challenge


def figures_of(record: PromotionFacts) -> ContestFigures:
    """Return the figures by which was decided."""
    figures = compared(record).figures
    assert figures is not None
    return figures


def draw_champion(root: Path, key: str = "first", **drawing: Any) -> Home:
    """Make a home with a champion, promoted from a drawn run."""
    draw_challenger(root, key, **drawing)
    record = promote(Home(root), key)
    assert record.decision == "promoted", record.reason
    return Home(root)


def dying(step: Callable[..., Any]) -> Callable[..., Any]:
    """Let a step do its work, and kill the process right behind it."""

    def work_and_die(*args: Any, **kwargs: Any) -> None:
        step(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return work_and_die


def refuse_to_score(_model_file: Path, _images: Any, rows: Any) -> np.ndarray:
    """Score nothing: images that were scored before are not scored again."""
    raise AssertionError(f"{len(rows)} images were to be scored again")


if __name__ == "__main__":
    for name in sys.argv[3:]:
        setattr(promotion, name, dying(getattr(promotion, name)))
    print(promote(Home(Path(sys.argv[1])), sys.argv[2]).decision)
