"""`python -m bench.lungs`: draws, trains, writes the weights and how they came about."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.backbone.weights_file import write_packed
from bench.lungs.measuring import measure
from bench.lungs.training import Plan, draw_lessons, train_segmenter
from cxr_tasks.lungs.network import build_network
from cxr_tasks.lungs.segmenter import OWN_WEIGHTS, load_segmenter
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.files import read_json, sha256_of, write_json
from cxr_tasks.volume.records import versions

RECORD = Path(__file__).with_name("record.json")
THREADS = 1
_EVERY_STEPS = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the segmenter, or measure it; about as long on one core as its record says."""
    parser = _parser()
    options = parser.parse_args(arguments)
    plan = _plan(options, parser)
    if options.measure:
        record = read_json(options.record)
        if record["sha256"] != sha256_of(options.out):
            parser.error(f"{options.out} is not the file that {options.record} is of")
        start_keras(threads=THREADS, seed=plan.seed)
    else:
        record = _make(plan, options.out)
    record["figures"] = measure(
        load_segmenter(options.out), n_images=options.measured_images, workers=n_cores()
    )
    write_json(options.record, record)
    print(_summary(record))
    return 0


def _make(plan: Plan, out: Path) -> dict[str, Any]:
    started = time.monotonic()
    _tell(f"drawing {plan.n_images} pictures")
    lessons = draw_lessons(plan.n_images, seed=plan.seed, workers=n_cores())
    drawn = time.monotonic()
    start_keras(threads=THREADS, seed=plan.seed)
    network, curve = build_network(seed=plan.seed), _Curve(plan.n_steps)
    train_segmenter(network, plan, lessons, on_step=curve)
    trained = build_network()  # the other one has its optimiser with it
    trained.set_weights(network.get_weights())
    write_packed(trained, out)
    return {
        "command": "python -m bench.lungs",
        "plan": asdict(plan),
        "threads": THREADS,
        "file": out.name,
        "bytes": out.stat().st_size,
        "n_parameters": network.count_params(),
        "sha256": sha256_of(out),
        "drawing_seconds": round(drawn - started),
        "training_seconds": round(time.monotonic() - drawn),
        "versions": versions(),
        "loss_curve": curve.rows,
    }


class _Curve:
    """The loss, as means over some steps each."""

    def __init__(self, n_steps: int) -> None:
        self.rows: list[dict[str, float]] = []
        self._n_steps = n_steps
        self._since: list[float] = []

    def __call__(self, step: int, loss: float) -> None:
        self._since.append(loss)
        if step % _EVERY_STEPS and step != self._n_steps:
            return
        self.rows.append({"step": step, "loss": round(float(np.mean(self._since)), 4)})
        self._since = []
        _tell(f"step {step} of {self._n_steps}: loss {self.rows[-1]['loss']:.3f}")


def _summary(record: dict[str, Any]) -> str:
    names = {
        "drawn_like_training": "drawn like the training's",
        "phantoms": "phantom data",
        "real_masks": "real masks",
    }
    figures = record["figures"]
    dices = [
        f"{name}: mean {figures[key]['dice_mean']:.3f}, lowest {figures[key]['dice_lowest']:.3f} "
        f"({figures[key]['n']} images)"
        for key, name in names.items()
        if key in figures
    ]
    return (
        f"{record['file']}: {record['bytes']:,} bytes, {record['n_parameters']:,} parameters, "
        f"{figures['core_ms_per_image']} ms of a core an image, SHA-256 {record['sha256']}\nDice, "
        + "\n      ".join(dices)
    )


def _plan(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Plan:
    if options.seed < 0:
        parser.error("--seed is below 0")
    if options.images < Plan.batch_size or options.steps < 1:
        parser.error(f"at least {Plan.batch_size} images and one step are needed")
    if options.measured_images < 2:
        parser.error("--measured-images is below 2")
    if not options.out.name.endswith(".weights.h5"):
        parser.error(f"--out {options.out} is not named *.weights.h5")
    for path in (options.out, options.record):
        if not path.parent.is_dir():
            parser.error(f"{path.parent}, for {path.name}, is no folder")
    return Plan(seed=options.seed, n_images=options.images, n_steps=options.steps)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.lungs", description=__doc__)
    parser.add_argument("--seed", type=int, default=2026, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=1600, help="drawn; default: %(default)s")
    parser.add_argument("--steps", type=int, default=1200, help="default: %(default)s")
    parser.add_argument(
        "--measured-images", type=int, default=200, help="of each kind; default: %(default)s"
    )
    parser.add_argument("--out", type=Path, default=OWN_WEIGHTS, help="default: the package's own")
    parser.add_argument("--record", type=Path, default=RECORD, help="default: %(default)s")
    parser.add_argument(
        "--measure", action="store_true", help="only measure --out, into its record"
    )
    return parser


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
