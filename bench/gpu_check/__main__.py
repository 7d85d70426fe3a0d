"""`python -m bench.gpu_check`, behind `make gpu-check`: measures, writes JSON, prints tables."""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.gpu_check.check import BATCH_SIZE, Check
from bench.gpu_check.parts import PARTS
from bench.gpu_check.table import as_tables, faults
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.flow.process import StageError
from cxr_tasks.machine.devices import n_cores, n_gpus
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_json

OUT = Path("dist/gpu-check.json")
_BACKENDS = ("tensorflow", "jax", "torch")
_SECONDS = 450.0
_STEP_SECONDS = 120.0
_N_IMAGES, _EPOCHS = 324, 10
_QUICK = {"images": 40, "epochs": 3}
_CARD = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]

Report = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure part after part; each figure is written as soon as it is there.

    Returns:
        0 where nothing is at fault; what had no time is not.
    """
    started = time.monotonic()
    options = _options(arguments)
    os.environ.setdefault("KERAS_BACKEND", _installed_backend())
    with tempfile.TemporaryDirectory(prefix="cxr-gpu-check-") as scratch:
        check = Check(
            Path(scratch),
            options.variants,
            options.images,
            options.epochs,
            deadline=started + options.seconds,
            step_seconds=max(_STEP_SECONDS, options.seconds / 4),
            report=_report,
        )
        report = _facts(check)

        def write() -> None:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            write_json(options.out, report | {"seconds": round(time.monotonic() - started, 1)})

        try:
            _measure(check, options.parts, write)
        except (CxrError, StageError) as err:
            print(f"{type(err).__name__}: {err}", file=sys.stderr, flush=True)
            return EXIT_CODE if isinstance(err, CxrError) else 1
    _report(f"\n{as_tables(report)}\n\nWritten to {options.out}")
    return 1 if faults(report) else 0


def _measure(check: Check, parts: Sequence[str], write: Callable[[], None]) -> None:
    write()
    if check.seconds_left():
        _report(f"drawing {check.n_images} images")
        check.draw_images()
    for part in parts:
        _report(part)
        check.results[part] = {}
        for name, entry in PARTS[part](check):
            check.results[part][name] = entry
            write()


def _facts(check: Check) -> Report:
    return {
        "card": _card(),
        "backend": os.environ["KERAS_BACKEND"],
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "n_cards_that_the_pipeline_sees": n_gpus(),
        "n_cores": n_cores(),
        "images": "phantoms",
        "weights": "random",
        "n_images": check.n_images,
        "batch_size": BATCH_SIZE,
        "epochs": check.epochs,
        "parts": check.results,
    }


def _card() -> str | None:
    """Ask the driver which cards there are, and for its version."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run([program, *_CARD], capture_output=True, text=True, check=False)
    return "; ".join(done.stdout.split("\n")).strip("; ") or None


def _installed_backend() -> str:
    return next((name for name in _BACKENDS if importlib.util.find_spec(name)), _BACKENDS[0])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu_check",
        description="Measure the trainings on one graphics card, within minutes: speed, memory, "
        "equal numbers. Nothing else should run. KERAS_BACKEND names Keras' backend; otherwise "
        "TensorFlow, JAX or PyTorch is taken, whichever is installed.",
        epilog="exit status: 0 nothing is at fault; 1 a measurement failed or numbers differ.",
    )
    add, number = parser.add_argument, "default: %(default)s"
    add("--out", type=Path, default=OUT, metavar="FILE", help=f"default: {OUT}")
    add("--seconds", type=float, default=_SECONDS, help=f"nothing begins after; {number}")
    add("--images", type=int, default=_N_IMAGES, help=number)
    add("--epochs", type=int, default=_EPOCHS, help=number)
    add("--quick", action="store_true", help="few images and epochs: whether it runs, not how fast")
    add(
        "--variants",
        type=_names(VARIANTS),
        default=tuple(VARIANTS),
        metavar="NAMES",
        help="with commas; default: all four",
    )
    add(
        "--parts",
        type=_names(PARTS),
        default=tuple(PARTS),
        metavar="NAMES",
        help=f"with commas, of {', '.join(PARTS)}; float32 is always measured",
    )
    options = parser.parse_args(arguments)
    if options.quick:
        options.images, options.epochs = _QUICK["images"], _QUICK["epochs"]
    options.parts = [part for part in PARTS if part in {"float32", *options.parts}]
    return options


def _names(known: Any) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)} is not among {', '.join(known)}"
            )
        return names

    return read


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
