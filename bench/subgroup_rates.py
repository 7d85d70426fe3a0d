"""`python -m bench.subgroup_rates`: how often a report finds a difference between subgroups.

Patients with one to three images, scored by a model that is right or wrong with whole patients, get
sex, age, view, device and hospital at random: then any finding is a false alarm. In the other rows
a model is made worse for the men by as much as is said, and counted is how often sex is found.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binomtest

from bench.results import markdown_table
from cxr_tasks.evaluation.subgroups import Scored, make_subgroups
from cxr_tasks.evaluation.subgroups_record import SubgroupsFacts
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.records import versions

RESULTS = Path(__file__).parent / "subgroup_rates.json"
N_PAGES, SEED = 100, 31
_CASES = ((200, 0.0), (600, 0.0), (200, 1.0), (600, 1.0))
"""Images, and by how much the men's signal is smaller."""
_SIGNAL, _PATIENT_SD = 1.6, 0.7
_NAME = "mobilenetv2_frozen"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw pages, count findings; write the rates and print them as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.subgroup_rates", description=__doc__)
    parser.add_argument("--pages", type=int, default=N_PAGES, help=f"by default {N_PAGES}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.pages < 1:
        parser.error(f"--pages {options.pages}: at least one is needed")
    started = time.process_time()
    rows = [_row(n_images, worse, options.pages) for n_images, worse in _CASES]
    results = {
        "n_pages": options.pages,
        "seed": SEED,
        "rows": rows,
        "cpu_seconds": round(time.process_time() - started, 1),
        "versions": versions(),
    }
    write_json(options.out, results)
    print(as_table(results))
    return 0


def draw_page(n_images: int, *, worse: float, seed: int) -> SubgroupsFacts:
    """Draw patients with fields at random, and look at a model by subgroups.

    Args:
        n_images: About how many.
        worse: By how much the signal is smaller in men; of about 1.6.
        seed: Decides all.
    """
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_images // 2), rng.integers(1, 4, n_images // 2))
    n_patients, n = n_images // 2, len(groups)
    men = rng.random(n_patients) < 0.5
    signal = (_SIGNAL - worse * men)[groups]
    labels = rng.integers(0, 2, n_patients)[groups]
    noise = rng.normal(0, _PATIENT_SD, n_patients)[groups] + rng.normal(0, 1, n)
    of_patients = {
        "sex": np.where(men, "M", "F"),
        "age": rng.integers(1, 95, n_patients).astype(str),
        "device": rng.choice(["A", "B", "C"], n_patients, p=[0.5, 0.3, 0.2]),
        "hospital": rng.choice(["North", "South", "East", "West"], n_patients),
    }
    index = pd.DataFrame({name: values[groups] for name, values in of_patients.items()})
    index["view"] = rng.choice(["PA", "AP"], n)  # of an image, not of a patient
    scored = ScoredImages(labels, expit((2 * labels - 1) * signal + noise), groups)
    return make_subgroups(Scored(index, {_NAME: scored}, _NAME, seed, n_resamples=2))


def as_table(results: dict[str, Any]) -> str:
    """Lay the rates out as Markdown."""
    rows = [
        (
            str(row["n_images"]),
            f"{row['worse']:.1f}",
            f"{row['n_tests']:.0f}",
            f"{row['any_finding']:.1%}",
            "{:.1%} to {:.1%}".format(*row["interval"]),
            f"{row['sex_found']:.1%}",
        )
        for row in results["rows"]
    ]
    header = ["images", "worse for men", "tests", "pages with a finding", "95 %", "sex found"]
    return markdown_table(header, rows)


def _row(n_images: int, worse: float, n_pages: int) -> dict[str, Any]:
    pages = [draw_page(n_images, worse=worse, seed=SEED + number) for number in range(n_pages)]
    n_found = sum(bool(page.findings) for page in pages)
    interval = binomtest(n_found, n_pages).proportion_ci(method="exact")
    sex = [any("by sex" in each for each in page.findings) for page in pages]
    return {
        "n_images": n_images,
        "worse": worse,
        "n_tests": float(np.mean([page.n_tests for page in pages])),
        "any_finding": n_found / n_pages,
        "interval": [float(interval.low), float(interval.high)],
        "sex_found": float(np.mean(sex)),
    }


if __name__ == "__main__":
    sys.exit(main())
