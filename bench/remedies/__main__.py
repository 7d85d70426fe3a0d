"""`python -m bench.remedies NORMALS.zip`: what remedies do to planted shortcuts, counted.

Real normal radiographs are dealt to two classes at random, by patient; disease is drawn into the
lungs of one, and a shortcut planted in its images. A ridge on frozen features stands in for a
model. Its score without the shortcut is what a remedy should bring it back to.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from bench.options import add_set_options, check_set_options, place_of
from bench.real.drawing import see_in_parts, start_worker
from bench.real.normals import read_normals
from bench.remedies.counting import as_tables, count
from bench.remedies.seen import joined, see_part
from bench.remedies.trials import Clean, Trial, start_trying, try_set
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions as library_versions

RESULTS = Path(__file__).parents[1] / "remedies.json"

_SEED = 3000


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at all images once, try every set, count, write the counts and print them."""
    parser = _parser()
    options = parser.parse_args(arguments)
    check_set_options(parser, options)
    started = time.monotonic()
    try:
        normals = read_normals(options.images)[: options.normals]
    except CxrError as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr)
        return EXIT_CODE
    print(f"{len(normals)} different normal radiographs", flush=True)
    context = multiprocessing.get_context("spawn")
    see = partial(see_part, weights=options.weights, seed=_SEED)
    with ProcessPoolExecutor(n_cores(), mp_context=context, initializer=start_worker) as pool:
        ways = joined(see_in_parts(pool, see, normals))
    trials: list[Trial] = []
    cleans: list[Clean] = []
    given = (normals, ways, options.set_images)
    with ProcessPoolExecutor(
        n_cores(), mp_context=context, initializer=start_trying, initargs=given
    ) as pool:
        seeds = range(_SEED, _SEED + options.sets)
        for number, (tried, clean) in enumerate(pool.map(try_set, seeds), start=1):
            trials += tried
            cleans += clean
            print(f"{number} of {options.sets} sets", flush=True)
    results = {
        "n_normals": len(normals),
        "n_sets": options.sets,
        "n_images": options.set_images,
        "weights": options.weights.name if options.weights else "random",
        **count(trials, cleans),
        "seconds": round(time.monotonic() - started, 1),
        "versions": library_versions(),
    }
    out = place_of(options, RESULTS)
    if out is not None:
        write_json(out, results)
    print("\n" + as_tables(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.remedies",
        description="Measure what remedies do to shortcuts planted in real normal radiographs.",
    )
    parser.add_argument("images", type=Path, nargs="+", help="zip files with a folder NORMAL")
    parser.add_argument("--normals", type=int, metavar="N", help="use the first N only")
    add_set_options(parser, RESULTS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
