"""Options that commands share which count something over drawn data sets."""

import argparse
from pathlib import Path

N_SETS, N_IMAGES = 60, 120


def add_set_options(parser: argparse.ArgumentParser, results: Path) -> None:
    """Add how many sets of how many images, the backbone's weights, and where the counts go."""
    parser.add_argument("--sets", type=int, default=N_SETS, metavar="N", help="of each kind")
    parser.add_argument("--set-images", type=int, default=N_IMAGES, metavar="N", help="in a set")
    parser.add_argument("--weights", type=Path, metavar="PATH", help="of MobileNetV2; else random")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help=f"where the counts go; bench/{results.name} where there are at least {N_SETS} sets of "
        f"{N_IMAGES} images, else they are printed only",
    )


def check_set_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Leave the program with a sentence where the options cannot be meant."""
    if options.sets < 1:
        parser.error(f"--sets {options.sets}: at least one data set of each kind is needed")
    if options.weights is not None and not options.weights.is_file():
        parser.error(f"--weights {options.weights}: no such file; leave it out for random ones")


def place_of(options: argparse.Namespace, results: Path) -> Path | None:
    """Return where the counts go: a small try must not replace those of a full run."""
    if options.out is None and options.sets >= N_SETS and options.set_images >= N_IMAGES:
        return results
    out: Path | None = options.out
    return out
