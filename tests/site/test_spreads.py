"""Means over seeds, folds and repeats: of what is alike but for chance, with how many."""

from typing import Any

import pytest

from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.site.reading import read_report
from cxr_tasks.site.site import Site
from cxr_tasks.site.spreads import mean_sd, seed_groups, within_run
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.sealed import read_sealed
from tests.site.shelf import Change, put_run, scoring
from tests.stored import change_record

FROZEN = "mobilenetv2_frozen"


def with_settings(**settings: Any) -> Change:
    return lambda report: report["config"].update(settings)


def put_records(home: Home, template: RunPaths, *changes: Change) -> list[ReportRecord]:
    runs = [
        put_run(home, template, f"run-{number}", change=change)
        for number, change in enumerate(changes)
    ]
    return [read_report(run) for run in runs]


def test_mean_and_sd_are_of_two_values_or_more_and_all_of_them() -> None:
    found = mean_sd([0.8, 0.9])
    assert found is not None
    assert (found.n, round(found.mean, 9), round(found.sd, 4)) == (2, 0.85, 0.0707)
    assert mean_sd([0.8]) is None
    assert mean_sd([0.8, None, 0.9]) is None
    assert mean_sd([]) is None


def test_runs_that_differ_in_the_seed_alone_are_put_together(
    home: Home, template: RunPaths
) -> None:
    records = put_records(
        home,
        template,
        with_settings(seed=1),
        with_settings(seed=2, epochs=9),
        with_settings(seed=2),
        with_settings(seed=3, data="/elsewhere"),  # equal bytes may lie anywhere
        with_settings(seed=3),  # a second time the same seed is no other
        with_settings(seed=4, epochs=9),
    )
    assert seed_groups(records) == [(0, 2, 3), (1, 5)]


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["data"].update(fingerprint="other"),
        lambda report: report["weights"].update(sha256="other"),
        lambda report: report["versions"].update(keras="0"),
        lambda report: report["config"].pop("seed"),
        lambda report: report["config"].update(seed=42),
    ],
)
def test_other_images_weights_or_versions_are_no_other_seed(
    home: Home, template: RunPaths, change: Change
) -> None:
    def changed(report: dict[str, Any]) -> None:
        report["config"]["seed"] = 7
        change(report)

    assert seed_groups(put_records(home, template, lambda _: None, changed)) == []


def test_the_mean_over_seeds_is_shown_with_its_sd_and_number(
    home: Home, template: RunPaths
) -> None:
    for number, accuracy in enumerate((0.8, 0.9)):
        run = put_run(home, template, f"run-{number}", change=scoring({FROZEN: accuracy}))
        path = run.report / "report.json"
        change_record(path, config=read_sealed(path)["config"] | {"seed": number})
    page = str(Site(home).compared(["run-0", "run-1"], base="/cxr").body)
    assert "A, B: mean over seeds" in page
    assert "<b>85.0\N{NO-BREAK SPACE}%</b><small>± 7.1 pp (SD), 2 seeds</small>" in page


def test_folds_and_repeats_of_a_run_are_measured(home: Home, template: RunPaths) -> None:
    def change(report: dict[str, Any]) -> None:
        facts = report["variants"][FROZEN]["statistics"]
        facts["by_fold"] = [
            {"fold": n, "n_images": 9, "n_covid": 4, "roc_auc": 0.7 + n / 10, "accuracy": None}
            for n in (1, 2)
        ]
        facts["repeats"] = {
            "measures": [{"repeat": n, "roc_auc": 0.9, "accuracy": 0.8} for n in (1, 2, 3)],
            "roc_auc": None,
            "accuracy": None,
        }

    (record,) = put_records(home, template, change)
    found = within_run(record, FROZEN, "roc_auc")
    assert {name: (each.n, round(each.mean, 9)) for name, each in found.items()} == {
        "folds": (2, 0.85),
        "repeats": (3, 0.9),
    }
    assert set(within_run(record, FROZEN, "accuracy")) == {"repeats"}
    assert within_run(record, FROZEN, "sensitivity") == {}
    assert within_run(record, "vanilla_cnn", "accuracy") == {}  # skipped
