"""`python -m bench.audit_rates`, behind `make audit-rates`: how often the audit is right.

Clean phantom data sets, and the same with shortcuts planted in them, go through the pipeline's
own ingestion, split and audit. Counted are false alarms on the clean ones, and planted shortcuts
that a finding names. What the controls score on the clean ones says whether phantoms give the label
away elsewhere than in the lungs.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.alarms import as_table, control_scores, controls_table, rate
from bench.frozen_features import frozen_features
from bench.options import add_set_options, check_set_options, place_of
from bench.planted import KINDS, Kind, Planted, draw_files
from cxr_tasks.audit.audit import audit_dataset
from cxr_tasks.audit.features import MaskedFeatures, masked_images
from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.data.ingest import ingest
from cxr_tasks.data.split import make_split, read_split
from cxr_tasks.lungs.store import Lungs, find_lungs
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "audit_rates.json"

_SEED = 1000


@dataclass(frozen=True)
class Audited:
    """What the audit says of one data set."""

    checks: list[str]  # those that gave a finding
    aucs: dict[str, float]  # for each control the area under the ROC curve


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit every data set, count, write the rates and print them as a table."""
    parser = _parser()
    options = parser.parse_args(arguments)
    check_set_options(parser, options)
    started = time.monotonic()
    found: dict[str, list[Audited]] = {name: [] for name in KINDS}
    for number, audited in enumerate(_all_sets(options), start=1):
        for name, each in audited.items():
            found[name].append(each)
        print(f"{number} of {options.sets} data sets of each kind", flush=True)
    results = {
        "n_sets": options.sets,
        "n_images": options.set_images,
        "weights": options.weights.name if options.weights else "random",
        "seconds": round(time.monotonic() - started, 1),
        "kinds": {
            name: rate(name, [each.checks for each in audited]) for name, audited in found.items()
        },
        "controls_on_clean": control_scores([each.aucs for each in found["clean"]]),
        "versions": versions(),
    }
    out = place_of(options, RESULTS)
    if out is not None:
        write_json(out, results)
    print("\n" + as_table(results) + "\n\n" + controls_table(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.audit_rates",
        description="Measure false alarms of the audit on clean phantom data, and how often it "
        "finds planted shortcuts. Twenty minutes on two cores.",
    )
    add_set_options(parser, RESULTS)
    return parser


def _all_sets(options: argparse.Namespace) -> Any:
    """Audit set after set, one process a core; give what was found as it comes."""
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for core in cores:
        queue.put(core)
    with ProcessPoolExecutor(
        n_cores(), mp_context=context, initializer=_start_worker, initargs=(queue,)
    ) as pool:
        futures = [
            pool.submit(audit_one_set, _SEED + number, options.set_images, options.weights)
            for number in range(options.sets)
        ]
        for future in as_completed(futures):
            yield future.result()


def _start_worker(cores: Any) -> None:
    os.sched_setaffinity(0, {cores.get()})  # then ingestion starts no workers of its own
    logging.disable(logging.INFO)


def audit_one_set(seed: int, n_images: int, weights: Path | None) -> dict[str, Audited]:
    """Draw a data set, plant each kind in a copy of it, and audit them all, by kind."""
    clean = draw_files(n_images, seed=seed)
    return {
        name: _audit(kind, kind.plant(clean, np.random.default_rng(seed)), seed, weights)
        for name, kind in KINDS.items()
    }


def _audit(kind: Kind, planted: Planted, seed: int, weights: Path | None) -> Audited:
    with tempfile.TemporaryDirectory(prefix="cxr-audit-") as scratch:
        folder = Path(scratch)
        dataset, split = ingest_planted(planted, folder, seed=seed)
        lungs = lungs_in(dataset, Home(folder / "home"))
        facts = audit_dataset(
            dataset,
            split,
            lungs,
            folds=None,
            features=_features(dataset, lungs, weights) if kind.sees_pixels else None,
            seed=seed,
            built=folder,
        )
    return Audited(
        [each.check for each in facts.findings if each.severity != "info"],
        {name: control.auc for name, control in facts.controls.items()},
    )


def ingest_planted(
    planted: Planted, folder: Path, *, seed: int, kind: str = "grouped", patients: str = ""
) -> tuple[Dataset, pd.DataFrame]:
    """Write files into a folder, ingest and split them as a run does; move what is to be moved."""
    for path, content in planted.files.items():
        file = folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    home = Home(folder / "home")
    config = make_config(
        {
            "source": "folder",
            "data": str(folder / "data"),
            "split": kind,
            "seed": seed,
            "patients": patients,
        }
    )
    fingerprint = ingest(config, home=home, environ={}, report=lambda _text: None)
    dataset = open_dataset(home, fingerprint)
    make_split(dataset, config, built=folder)
    split = read_split(folder)
    split["part"] = [
        planted.parts.get(path, part)
        for path, part in zip(split["path"], split["part"], strict=True)
    ]
    return dataset, split


def lungs_in(dataset: Dataset, home: Home, *, threads: int = 1) -> Lungs:
    """Find the lungs in a data set's images, as an audit does."""
    from cxr_tasks.training.keras_runtime import start_keras

    start_keras(threads=threads, seed=0, card="")
    return find_lungs(dataset, home=home, config_fingerprint="", seed=0, note=lambda _text: None)


def _features(dataset: Dataset, lungs: Lungs, weights: Path | None) -> MaskedFeatures:
    found = masked_images(dataset.images, lungs)
    return MaskedFeatures(**{name: frozen_features(seen, weights) for name, seen in found.items()})


if __name__ == "__main__":
    sys.exit(main())
