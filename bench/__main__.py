"""`python -m bench`, behind `make bench`: measures, writes results.json, prints the tables."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.images import BenchImages, find_images
from bench.orchestration import measure_orchestration
from bench.results import as_tables, read_results, write_part
from bench.scale import measure_scale
from bench.variants import Schedule, measure_variants
from bench.whole_run import measure_whole_run
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.flow.process import StageError

RESULTS = Path(__file__).parent / "results.json"


def main(arguments: Sequence[str] | None = None, *, schedule: Schedule | None = None) -> int:
    """Measure part after part; each is written as soon as it is there."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="cxr-bench-") as scratch:
            _measure(options, schedule or Schedule(), Path(scratch))
    except (CxrError, StageError) as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr, flush=True)
        return EXIT_CODE if isinstance(err, CxrError) else 1
    print("\n" + as_tables(read_results(options.out)))
    print(f"\nWritten to {options.out}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure each variant by the study's procedure and by this pipeline, how time "
        "and memory grow with the images, a whole run, and what Airflow costs. Nothing else should "
        "run.",
    )
    parser.add_argument("--quick", action="store_true", help="the variants only")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="images, a zip file or folder; default: "
        "the stand-in data beside the project, else phantoms",
    )
    parser.add_argument("--weights", metavar="PATH", help="of MobileNetV2; default as for --data")
    parser.add_argument("--out", type=Path, default=RESULTS, help=argparse.SUPPRESS)
    return parser


def _measure(options: argparse.Namespace, schedule: Schedule, scratch: Path) -> None:
    images = find_images(options.data, options.weights, scratch=scratch)
    _report(f"images: {images.label}")
    _measure_variants(options, images, schedule, scratch)
    if options.quick:
        return
    whole = measure_whole_run(images, scratch=scratch, report=_report)
    write_part(options.out, "whole_run", whole, images=images.label)
    orchestration = measure_orchestration(scratch=scratch, report=_report)
    write_part(options.out, "orchestration", orchestration)
    rows = []
    for row in measure_scale(scratch / "scale", report=_report):
        rows.append(row)
        write_part(options.out, "scale", rows)


def _measure_variants(
    options: argparse.Namespace, images: BenchImages, schedule: Schedule, scratch: Path
) -> None:
    measured = {}
    for name, entry in measure_variants(images, schedule, scratch=scratch, report=_report):
        measured[name] = entry
        n_images = entry["n_train"] + entry["n_val"]
        write_part(options.out, "variants", measured, images=images.label, n_images=n_images)


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
