"""`python -m bench.real`, behind `make audit-rates REAL=...`: the audit on real radiographs.

Real normal radiographs are dealt to two classes at random, by patient. Left as they are, or with
disease drawn into the lungs of one class, they are clean by construction: a finding is a false
alarm. Shortcuts are planted in some or all images of the class that has disease.
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
from bench.real.audited import Audited, audit_sets, start_auditor
from bench.real.drawing import see_in_parts, start_worker
from bench.real.normals import read_normals
from bench.real.rates import as_tables, count
from bench.real.sets import kinds
from bench.real.versions import joined, make_versions
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions as library_versions

RESULTS = Path(__file__).parents[1] / "real_audit_rates.json"

_SEED = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Make all versions, audit every set, count, write the rates and print them."""
    parser = _parser()
    options = parser.parse_args(arguments)
    check_set_options(parser, options)
    started = time.monotonic()
    try:
        normals = read_normals(options.images)
    except CxrError as err:
        print(f"{type(err).__name__}: {err}", file=sys.stderr)
        return EXIT_CODE
    _report(f"{len(normals)} different normal radiographs")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_cores(), mp_context=context, initializer=start_worker) as pool:
        make = partial(make_versions, weights=options.weights, seed=_SEED)
        all_versions = joined(see_in_parts(pool, make, normals))
    _report(f"{len(all_versions.index)} versions of them seen")
    audited: dict[str, list[Audited]] = {name: [] for name in kinds()}
    with ProcessPoolExecutor(
        n_cores(),
        mp_context=context,
        initializer=start_auditor,
        initargs=(normals, all_versions, options.set_images),
    ) as pool:
        seeds = range(_SEED, _SEED + options.sets)
        for number, found in enumerate(pool.map(audit_sets, seeds), start=1):
            for name, each in found.items():
                audited[name].append(each)
            _report(f"{number} of {options.sets} sets of each kind")
    results = {
        "n_normals": len(normals),
        "n_sets": options.sets,
        "n_images": options.set_images,
        "weights": options.weights.name if options.weights else "random",
        "lungs_not_found": int((~all_versions.found).sum()),
        "n_versions": len(all_versions.index),
        **count(audited),
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
        prog="python -m bench.real",
        description="Measure on real normal radiographs how often the audit raises a false alarm, "
        "and how often it finds planted shortcuts.",
    )
    parser.add_argument("images", type=Path, nargs="+", help="zip files with a folder NORMAL")
    add_set_options(parser, RESULTS)
    return parser


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
