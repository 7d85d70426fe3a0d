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

import numpy as np
import pandas as pd

from bench.real.normals import Normal, read_normals
from bench.real.versions import start_worker
from bench.remedies.counting import as_tables, count
from bench.remedies.seen import WAYS, SeenWay, see_part
from bench.remedies.trials import Clean, Trial, try_set
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions as library_versions

RESULTS = Path(__file__).parents[1] / "remedies.json"
N_SETS, N_IMAGES = 60, 120

_SEED = 3000
_PART_SIZE = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at all images once, try every set, and write what was counted after each."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        normals = read_normals(options.images)[: options.normals]
    except CxrError as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr)
        return EXIT_CODE
    print(f"{len(normals)} different normal radiographs", flush=True)
    trials: list[Trial] = []
    cleans: list[Clean] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_cores(), mp_context=context, initializer=start_worker) as pool:
        ways = _see_all(pool, normals, weights=options.weights)
        print(f"seen in {time.monotonic() - started:.0f} s", flush=True)
        seeds = range(_SEED, _SEED + options.sets)
        for number, seed in enumerate(seeds, start=1):
            of_set = try_set(normals, ways, n_images=options.set_images, seed=seed)
            trials += of_set[0]
            cleans += of_set[1]
            results = {
                "n_normals": len(normals),
                "n_sets": number,
                "n_images": options.set_images,
                "weights": options.weights.name if options.weights else "random",
                **count(trials, cleans),
                "seconds": round(time.monotonic() - started, 1),
                "versions": library_versions(),
            }
            if options.out:
                write_json(options.out, results)
            print(f"{number} of {options.sets} sets", flush=True)
    print("\n" + as_tables(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.remedies",
        description="Measure what remedies do to shortcuts planted in real normal radiographs.",
    )
    parser.add_argument("images", type=Path, nargs="+", help="zip files with a folder NORMAL")
    parser.add_argument("--weights", type=Path, metavar="PATH", help="of MobileNetV2; else random")
    parser.add_argument("--sets", type=int, default=N_SETS, metavar="N")
    parser.add_argument("--set-images", type=int, default=N_IMAGES, metavar="N", help="in a set")
    parser.add_argument("--normals", type=int, metavar="N", help="use the first N only")
    parser.add_argument("--out", type=Path, metavar="PATH", help="where the figures go")
    return parser


def _see_all(
    pool: ProcessPoolExecutor, normals: Sequence[Normal], *, weights: Path | None
) -> dict[str, SeenWay]:
    starts = range(0, len(normals), _PART_SIZE)
    parts = [(start, normals[start : start + _PART_SIZE]) for start in starts]
    found = []
    for each in pool.map(partial(see_part, weights=weights, seed=_SEED), parts):
        found.append(each)
        print(f"seen: {len(found)} of {len(parts)} parts", flush=True)
    return {
        way: SeenWay(
            pd.concat([each[way].index for each in found], ignore_index=True),
            # a part leaves out what is the same in all of it, such as no flat lines at a side
            pd.concat([each[way].outside for each in found], ignore_index=True).fillna(0.0),
            np.concatenate([each[way].whole_features for each in found]),
            np.concatenate([each[way].outside_features for each in found]),
        )
        for way in WAYS
    }


if __name__ == "__main__":
    sys.exit(main())
