"""`python -m bench.model_four`: the finding about Model 4, measured and drawn."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.model_four.choices import COLUMNS as CHOICE_COLUMNS
from bench.model_four.choices import choose
from bench.model_four.figures import draw_curves, draw_mixing
from bench.model_four.mixing import COLUMNS as MIXING_COLUMNS
from bench.model_four.mixing import HEAD_LEARNING_RATE, N_PASSES, see, validate_heads
from bench.model_four.study_run import (
    PATIENCE,
    STUDY_PATIENCE,
    VARIANT,
    StudyRun,
    describe,
    open_study_run,
)
from bench.model_four.trajectory import train_long
from cxr_tasks.errors import EXIT_CODE, ArtifactError, CxrError, first_few
from cxr_tasks.flow.process import StageError
from cxr_tasks.training.fit import HISTORY_COLUMNS
from cxr_tasks.training.task import TrainingTask
from cxr_tasks.volume.files import read_json, write_json, write_rows
from cxr_tasks.volume.paths import Home

OUT = Path("docs/model-four")
MIXING, CURVES, CHOICES, MEASURED = "mixing.csv", "curves.csv", "choices.csv", "measured.json"
PARTS = ("mixing", "training")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that are asked for, and draw what has been measured."""
    options = _options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        if not options.redraw:
            _measure(options)
        for path in draw(options.out):
            _report(f"drawn: {path}")
    except (CxrError, StageError) as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr, flush=True)
        return EXIT_CODE if isinstance(err, CxrError) else 1
    return 0


def draw(folder: Path) -> list[Path]:
    """Draw each figure whose CSV file is there; tell what patience would have chosen.

    Returns:
        What was written.

    Raises:
        ArtifactError: A file is no such table, or there is none.
    """
    written = []
    if (folder / MIXING).exists():
        written.append(folder / "mixing.svg")
        draw_mixing(_table(folder / MIXING, MIXING_COLUMNS), written[-1])
    if (folder / CURVES).exists():
        curves = _table(folder / CURVES, HISTORY_COLUMNS)
        written += [folder / "curves.svg", folder / CHOICES]
        draw_curves(curves, written[-2])
        rows = [row for p in (STUDY_PATIENCE, PATIENCE) for row in choose(curves, patience=p)]
        write_rows(written[-1], CHOICE_COLUMNS, rows)
    if not written:
        raise ArtifactError(
            f"{folder} holds neither {MIXING} nor {CURVES}.",
            "The figures are drawn from these tables.",
            "Measure first: leave --redraw out.",
        )
    return written


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table of numbers; only the limit of all epochs has none."""
    try:
        table = pd.read_csv(path)[list(columns)]
        numbers = table.drop(columns="epoch").to_numpy(float)
    except (OSError, ValueError, KeyError) as err:
        raise _no_table(path, columns, first_few(str(err).splitlines())) from err
    if table.empty or not np.isfinite(numbers).all():
        raise _no_table(path, columns, "a number is missing")
    return table


def _no_table(path: Path, columns: Sequence[str], reason: str) -> ArtifactError:
    return ArtifactError(
        f"{path} cannot be drawn: {reason}.",
        f"It has to be a CSV file of numbers with the columns {', '.join(columns)}.",
        "Put the file back as it was written, or measure again.",
    )


def _measure(options: argparse.Namespace) -> None:
    wanted = StudyRun(
        Home(options.home),
        options.data.absolute(),
        options.weights.absolute(),
        options.epochs,
        options.run,
    )
    task = open_study_run(wanted, report=_report)
    for part in options.parts:
        facts = {"mixing": _mix, "training": _train}[part](task, wanted, options.out)
        path = options.out / MEASURED
        told = read_json(path) if path.exists() else {}
        write_json(path, told | {part: describe(task, wanted) | facts})


def _mix(task: TrainingTask, _wanted: StudyRun, out: Path) -> dict[str, object]:
    _report("mixing statistics with all weights fixed, minutes")
    seen = see(task)
    write_rows(out / MIXING, MIXING_COLUMNS, validate_heads(seen, task))
    return {
        "n_passes": N_PASSES,
        "head_learning_rate": HEAD_LEARNING_RATE,
        "n_layers": seen.n_layers,
    }


def _train(task: TrainingTask, wanted: StudyRun, out: Path) -> dict[str, object]:
    result = train_long(task, wanted.home.run(wanted.name), out / CURVES, report=_report)
    return {
        "learning_rate": task.settings.learning_rate,
        "max_epochs": task.settings.epochs,
        "patience": task.settings.patience,
        "epochs_run": len(result.history),
        "stopped_by": "patience" if result.stopped_early else "epochs",
        "train_seconds": round(result.train_seconds, 1),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.model_four",
        description=f"Train {VARIANT} by the study's procedure with patience {PATIENCE}, validated "
        "under running statistics and under statistics without lag (hours on two cores; an "
        "interrupted training goes on when the command is given again), and mix both statistics "
        "with all weights fixed (minutes).",
    )
    add = parser.add_argument
    add("--data", type=Path, help="a zip file or folder laid out as the study's download")
    add("--weights", type=Path, help="of MobileNetV2, pre-trained on ImageNet")
    add(
        "--out", type=Path, default=OUT, help="where CSV files and figures go; default: %(default)s"
    )
    add("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: both")
    add("--epochs", type=int, default=500, help="maximum epochs; default: %(default)s")
    add("--home", type=Path, default=Path("cxr-home"), help="default: %(default)s")
    add("--run", default="model-four", help="name of the run in it; default: %(default)s")
    add("--redraw", action="store_true", help="draw from the CSV files in --out, measure nothing")
    options = parser.parse_args(arguments)
    if not options.redraw and not (options.data and options.weights):
        parser.error("--data and --weights are needed, or --redraw")
    return options


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
