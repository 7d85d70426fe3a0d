"""`python -m bench.real`, behind `make audit-rates REAL=...`: the audit on real radiographs.

Real normal radiographs are dealt to two classes at random, by patient. Left as they are, or with
disease drawn into the lungs of one class, they are clean by construction: a finding is a false
alarm. Shortcuts are planted in some or all images of the class that has disease.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.real.audited import Audited, audit_sets, start_auditor
from bench.real.normals import Normal, read_normals
from bench.real.rates import as_tables, count
from bench.real.sets import kinds
from bench.real.versions import Versions, make_versions, start_worker
from cxr_tasks.audit.control_tests import Seen
from cxr_tasks.errors import EXIT_CODE, CxrError
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions as library_versions

RESULTS = Path(__file__).parents[1] / "real_audit_rates.json"
N_SETS, N_IMAGES = 60, 120

_SEED = 2000
_PART_SIZE = 25


def main(arguments: Sequence[str] | None = None) -> int:
    """Make all versions, audit every set, count, write the rates and print them."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.sets < 1:
        parser.error(f"--sets {options.sets}: at least one data set of each kind is needed")
    if options.weights is not None and not options.weights.is_file():
        parser.error(f"--weights {options.weights}: no such file; leave it out for random ones")
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
        all_versions = _joined(pool.map(make, _parts(normals)))
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
    out = _place(options)
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
    parser.add_argument("--weights", type=Path, metavar="PATH", help="of MobileNetV2; else random")
    parser.add_argument("--sets", type=int, default=N_SETS, metavar="N", help="of each kind")
    parser.add_argument("--set-images", type=int, default=N_IMAGES, metavar="N", help="in a set")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help=f"where the rates go; bench/{RESULTS.name} where there are at least {N_SETS} sets of "
        f"{N_IMAGES} images, else they are printed only",
    )
    return parser


def _place(options: argparse.Namespace) -> Path | None:
    """Return where the rates go: a small try must not replace those of a full run."""
    if options.out is None and options.sets >= N_SETS and options.set_images >= N_IMAGES:
        return RESULTS
    out: Path | None = options.out
    return out


def _parts(normals: Sequence[Normal]) -> list[tuple[int, Sequence[Normal]]]:
    starts = range(0, len(normals), _PART_SIZE)
    return [(start, normals[start : start + _PART_SIZE]) for start in starts]


def _joined(parts: Iterable[Versions]) -> Versions:
    every = list(parts)
    seen = [each.seen for each in every]
    tables = {
        name: pd.concat([each.tables[name] for each in seen], ignore_index=True)
        for name in seen[0].tables
    }
    features = {
        name: np.concatenate([each.features[name] for each in seen]) for name in seen[0].features
    }
    index = pd.concat([each.index for each in every], ignore_index=True)
    return Versions(index, Seen(tables, features), np.concatenate([each.found for each in every]))


def _report(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
