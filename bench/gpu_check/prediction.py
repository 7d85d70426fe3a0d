"""Scores of saved models as a process of its own: `python -m bench.gpu_check.prediction`.

The environment decides what it computes on, and how exactly.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.gpu_check.training import start_task
from cxr_tasks.data.split import rows_of
from cxr_tasks.machine.child_process import die_with_parent
from cxr_tasks.training.model_file import load_model, predict_scores
from cxr_tasks.volume.paths import Home


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Score the validation images by each model; write one array a variant, in one file."""
    die_with_parent(environ)
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check.prediction")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("models", nargs="+", metavar="VARIANT=FILE")
    options = parser.parse_args(arguments)
    scores = {}
    for named in options.models:
        variant, _, path = named.partition("=")
        task, _ = start_task(Home(options.home), variant)
        model = load_model(Path(path))
        scores[variant] = predict_scores(model, task.dataset.images, rows_of(task.split, "val"))
    np.savez(options.out, allow_pickle=False, **scores)
    return 0


if __name__ == "__main__":
    sys.exit(main())
