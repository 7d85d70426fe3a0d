"""The script's figures are the page's own: at any cut-off as Python counts them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.reporting import page_scripts
from cxr_tasks.reporting.artifacts import read_artifacts
from cxr_tasks.reporting.cutoff import N_STEPS, cutoff_data, roc_paths
from cxr_tasks.statistics.metrics import count_cells, predictive_values, rates_of
from cxr_tasks.statistics.resampling import number
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import decimal, percent
from tests.drawing import Drawing
from tests.reporting.made_report import Made, make

NAMES = list(VARIANTS)
SCRIPT = Path(page_scripts.__file__).parent / "templates" / "cutoff.js"
SHOW = """
const { decode, figures, percent } = require(process.argv[1]);
const { data, asked } = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const told = asked.map(({ name, step, prevalence }) => {
  const { covid, normal } = data.variants[name];
  const counts = { covid: decode(covid, data.steps), normal: decode(normal, data.steps) };
  const { tp, fp, fn, tn, ...rates } = figures(counts, step, prevalence);
  const texts = Object.entries(rates).map(([key, value]) => [key, percent(value)]);
  return { cells: [tp, fp, fn, tn], ...Object.fromEntries(texts) };
});
console.log(JSON.stringify(told));
"""
PERCENT = """
const { percent } = require(process.argv[1]);
const given = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(given.map(percent)));
"""
PEOPLE = """
const { people } = require(process.argv[1]);
const given = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(given.map(([sensitivity, specificity, prevalence]) =>
  people({ sensitivity, specificity }, prevalence))));
"""


def in_node(code: str, given: Any) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    done = subprocess.run(
        [node, "-e", code, str(SCRIPT)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[0, 3], ids=["one split", "folds"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawing = Drawing(n_images=140, n_folds=request.param, external=not request.param)
    return make(tmp_path_factory.mktemp("wrong"), drawing)


def data_of(made: Made) -> dict[str, Any]:
    return cutoff_data(made.report, read_artifacts(made.run, made.config).predictions)


def told_by_python(made: Made, name: str, step: int, prevalence: float) -> dict[str, Any]:
    table = pd.read_csv(made.run.evaluate / name / "predictions.csv")
    table = table[table["part"] == made.report.basis]
    labels = table["label"].to_numpy(np.int64)
    cells = count_cells(labels, (table["score"].to_numpy() >= step / N_STEPS).astype(np.int64))
    rates = rates_of(cells)
    values = predictive_values(rates["sensitivity"], rates["specificity"], prevalence=prevalence)
    told = {key: rates[key] for key in ("sensitivity", "specificity")} | values
    return {"cells": cells[0].tolist()} | {
        key: percent(number(each[0])) for key, each in told.items()
    }


def test_script_counts_as_python_does_at_every_cutoff(made: Made) -> None:
    asked: list[dict[str, Any]] = [
        {"name": name, "step": step, "prevalence": prevalence}
        for name in NAMES
        for step in (0, 1, 123, 356, 499, 500, 501, 777, 999, 1000)
        for prevalence in (0.0, 0.01, 0.1, 0.5, 1.0)
    ]
    shown = in_node(SHOW, {"data": data_of(made), "asked": asked})
    assert shown == [told_by_python(made, **each) for each in asked]


def test_script_begins_with_the_figures_of_the_page(made: Made) -> None:
    data = data_of(made)
    asked = [
        {"name": name, "step": N_STEPS // 2, "prevalence": data["prevalence"]} for name in NAMES
    ]
    for name, shown in zip(NAMES, in_node(SHOW, {"data": data, "asked": asked}), strict=True):
        facts = made.report.trained[name]
        cells, values = (
            facts.measured[made.report.basis].confusion,
            facts.statistics.predictive_values,
        )
        assert shown == {
            "cells": [
                cells.true_positive,
                cells.false_positive,
                cells.false_negative,
                cells.true_negative,
            ],
            "sensitivity": percent(facts.headline.sensitivity.value),
            "specificity": percent(facts.headline.specificity.value),
            "ppv": percent(values.ppv.value),
            "npv": percent(values.npv.value),
        }


def test_percentages_are_rounded_as_python_rounds_them() -> None:
    fractions = [part / whole for whole in range(1, 129) for part in range(whole + 1)]
    assert in_node(PERCENT, fractions) == [percent(each) for each in fractions]
    assert percent(1 / 16) != f"{6.3}\N{NO-BREAK SPACE}%"  # one that is half way


def test_no_more_people_are_found_or_alarmed_than_there_are() -> None:
    rates = [0.0, 0.123, 0.5, 0.8765, 1.0]
    asked = [(a, b, p / 20000) for a in rates for b in rates for p in range(0, 20001, 7)]
    for told in in_node(PEOPLE, asked):
        assert told["nIll"] + told["nOthers"] == 1000
        assert 0 <= told["nFound"] <= told["nIll"]
        assert 0 <= told["nAlarmed"] <= told["nOthers"]


def test_a_score_on_a_cutoff_is_called_covid_and_the_next_below_is_not(made: Made) -> None:
    on = 0.301
    table = pd.DataFrame(
        {
            "part": made.report.basis,
            "label": [1, 1, 0, 0],
            "score": [on, np.nextafter(on, 0), 1.0, 0.0],
        }
    )
    data = cutoff_data(made.report, {NAMES[0]: table})
    asked = [{"name": NAMES[0], "step": step, "prevalence": 0.1} for step in (300, 301, 302, 1000)]
    cells = [each["cells"] for each in in_node(SHOW, {"data": data, "asked": asked})]
    assert cells == [[2, 1, 0, 1], [1, 1, 1, 1], [0, 1, 2, 1], [0, 1, 2, 1]]


def test_data_stay_small_however_many_images_there_are(made: Made) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "part": made.report.basis,
            "label": rng.integers(0, 2, 50_000),
            "score": rng.uniform(0, 1, 50_000),
        }
    )
    assert len(json.dumps(cutoff_data(made.report, {NAMES[0]: table}))) < 20_000


def test_without_script_the_values_stand_in_a_table(made: Made) -> None:
    section = made.page[made.page.index('<section id="cutoff">') :]
    section = section[: section.index("</section>")]
    assert '<div class="card cutoff" id="cutoff-panel" hidden>' in section
    for facts in made.report.trained.values():
        point = facts.statistics.operating_point
        assert point is not None
        cells = point.confusion
        assert f"{cells.true_positive} of {cells.true_positive + cells.false_negative}" in section
        for value in (facts.headline.sensitivity.value, point.specificity.value, point.npv.value):
            assert percent(value) in section
        assert decimal(point.cutoff.median) in section


def test_curve_of_a_variant_runs_from_corner_to_corner(made: Made) -> None:
    for path in roc_paths(made.report).values():
        assert path.startswith("M0.0,100.0L")
        assert path.endswith("L100.0,0.0")
