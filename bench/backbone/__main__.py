"""`python -m bench.backbone`: draws, trains, writes the weights and how they came about."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np

from bench.backbone.probe import probe
from bench.backbone.training import LOSSES, Phase, Plan, draw_lessons, train_backbone
from bench.backbone.weights_file import write_weights
from cxr_tasks.data.phantom.drawing import Difficulty
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.weights import OWN_WEIGHTS
from cxr_tasks.volume.files import sha256_of, write_json
from cxr_tasks.volume.records import versions

RECORD = Path(__file__).with_name("record.json")
PROBE_SEEDS = (11, 12, 13)
THREADS = 2
_EVERY_STEPS = 25
_LEAST_PROBE_IMAGES = 24


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the backbone; about as long on two cores as its record says."""
    parser = _parser()
    options = parser.parse_args(arguments)
    plan = _plan(options, parser)
    started = time.monotonic()
    _tell(f"drawing {plan.n_images} images")
    lessons = draw_lessons(plan, workers=n_cores())
    start_keras(threads=THREADS, seed=plan.seed)
    curve = _Curve(plan.n_steps)
    backbone = train_backbone(plan, lessons, on_step=curve)
    write_weights(backbone, options.out)
    seconds = time.monotonic() - started
    _tell("probing: a linear classifier on the features, for the question of the phantom data")
    n_images = options.probe_images
    probed = {
        difficulty: {
            name: probe(weights, difficulty, n_images=n_images, seeds=PROBE_SEEDS)
            for name, weights in (("this", options.out), ("random", None))
        }
        for difficulty in get_args(Difficulty)
    }
    record = {
        "command": "python -m bench.backbone",
        "plan": asdict(plan),
        "threads": THREADS,
        "file": options.out.name,
        "bytes": options.out.stat().st_size,
        "sha256": sha256_of(options.out),
        "seconds": round(seconds),
        "versions": versions(),
        "probe_n_images": n_images,
        "probe_seeds": PROBE_SEEDS,
        "probe_auc": probed,
        "loss_curve": curve.rows,
    }
    write_json(options.record, record)
    print(_summary(record))
    return 0


class _Curve:
    """The losses, as means over some steps each."""

    def __init__(self, n_steps: int) -> None:
        self.rows: list[dict[str, float]] = []
        self._n_steps = n_steps
        self._since: list[dict[str, float]] = []

    def __call__(self, step: int, losses: dict[str, float]) -> None:
        self._since.append(losses)
        if step % _EVERY_STEPS and step != self._n_steps:
            return
        means = {name: float(np.mean([each[name] for each in self._since])) for name in LOSSES}
        self.rows.append({"step": step, **{name: round(mean, 4) for name, mean in means.items()}})
        self._since = []
        told = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
        _tell(f"step {step} of {self._n_steps}: {told}")


def _summary(record: dict[str, Any]) -> str:
    aucs = [
        f"{difficulty}: {np.mean(of['this']):.3f} (random weights: {np.mean(of['random']):.3f})"
        for difficulty, of in record["probe_auc"].items()
    ]
    return (
        f"{record['file']}: {record['bytes']:,} bytes in {record['seconds']} s, "
        f"SHA-256 {record['sha256']}\n"
        f"AUC of a linear classifier on its features, synthetic images: {'; '.join(aucs)}"
    )


def _plan(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Plan:
    for name in ("seed", "small_steps", "steps"):
        if getattr(options, name) < 0:
            parser.error(f"--{name.replace('_', '-')} is below 0")
    if options.images < Plan.batch_size or options.small_steps + options.steps < 1:
        parser.error(f"at least {Plan.batch_size} images and one step are needed")
    if options.probe_images < _LEAST_PROBE_IMAGES:
        parser.error(f"--probe-images is below {_LEAST_PROBE_IMAGES}")
    if not options.out.name.endswith(".weights.h5"):
        parser.error(f"--out {options.out} is not named *.weights.h5")
    for path in (options.out, options.record):
        if not path.parent.is_dir():
            parser.error(f"{path.parent}, for {path.name}, is no folder")
    phases = (Phase(160, options.small_steps), Phase(224, options.steps))
    return Plan(seed=options.seed, n_images=options.images, phases=phases)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.backbone", description=__doc__)
    parser.add_argument("--seed", type=int, default=2026, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=3000, help="drawn; default: %(default)s")
    parser.add_argument(
        "--small-steps", type=int, default=450, help="on images of 160 px; default: %(default)s"
    )
    parser.add_argument(
        "--steps", type=int, default=100, help="then, on those of 224 px; default: %(default)s"
    )
    parser.add_argument(
        "--probe-images", type=int, default=300, help="phantoms of each probe; default: %(default)s"
    )
    parser.add_argument("--out", type=Path, default=OWN_WEIGHTS, help="default: the package's own")
    parser.add_argument("--record", type=Path, default=RECORD, help="default: %(default)s")
    return parser


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
