"""The report: self-contained pages, its figures as JSON, a model card and a table."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxr_tasks import wording
from cxr_tasks.data.sources.left_out import REMEDIES, left_out_in_words
from cxr_tasks.evaluation.subgroups import MEASURE_NAMES
from cxr_tasks.reporting import charts
from cxr_tasks.reporting.artifacts import Artifacts, read_artifacts
from cxr_tasks.reporting.attention import scale_css
from cxr_tasks.reporting.cutoff import cutoff_data, roc_paths
from cxr_tasks.reporting.documents import STATUS_NAMES, checklist, model_card
from cxr_tasks.reporting.drift_chart import draw_drift
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.facts import FindEqual, report_facts, run_times
from cxr_tasks.reporting.label_page import render_labels
from cxr_tasks.reporting.learning_chart import draw_learning_curve
from cxr_tasks.reporting.next_step import next_step
from cxr_tasks.reporting.pictures import page_pictures
from cxr_tasks.reporting.reliability_chart import draw_reliability
from cxr_tasks.reporting.report_record import LABELS_PAGE, ReportFigures
from cxr_tasks.reporting.run_summary import (
    NOTICE,
    about_decisions,
    about_suspects,
    notes,
    what_was_done,
    when_and_by_whom,
)
from cxr_tasks.reporting.seed_spread import seed_spread
from cxr_tasks.reporting.tables import pair_matrix, paper_table
from cxr_tasks.reporting.wrong_images import KINDS, N_ON_PAPER
from cxr_tasks.settings import SETTINGS, RunConfig
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.volume.files import as_csv, write_text
from cxr_tasks.volume.paths import RunPaths

MAX_REJECTED = 20


def make_report(
    run: RunPaths,
    config: RunConfig,
    built: Path,
    *,
    find_equal: FindEqual = lambda _run, _config, _ingested: None,
    clock: Callable[[], float] = time.time,
) -> ReportFigures:
    """Write `index.html`, `labels.html`, `model_card.md` and `table.csv` into `built`.

    Where no variant is recommended the card says that there is no model to hand on.

    Args:
        run: The run.
        config: Its configuration.
        built: The folder.
        find_equal: Finds a finished run of this configuration and of other inputs.
        clock: Tells the time, in seconds since 1970.

    Returns:
        The content of `report.json`, which the stage's record is made of.

    Raises:
        ArtifactError: A stage is not finished, or a file is not what its record says.
    """
    artifacts = read_artifacts(run, config)
    report = report_facts(artifacts, find_equal=find_equal)
    report = report.model_copy(
        update={"seeds": seed_spread(run, report), "times": run_times(run, clock())}
    )
    write_text(built / "index.html", render_page(artifacts, report))
    if artifacts.labels:
        write_text(built / LABELS_PAGE, render_labels(artifacts, artifacts.labels, report))
    write_text(built / "model_card.md", render_card(report))
    write_text(built / "table.csv", render_table(report))
    return report


def render_page(artifacts: Artifacts, report: ReportFigures) -> str:
    """Fill the page; a name that its template lacks is an error, and all text is escaped.

    Args:
        artifacts: The run's, for charts and radiographs.
        report: Its figures, as `report_facts` returns them.
    """
    return (
        make_environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            trained=report.trained,
            shown=report.shown,
            shown_name=report.shown_name,
            done=what_was_done(report, named=False),
            when=when_and_by_whom(report),
            decided=about_decisions(report),
            suspects=about_suspects(report),
            labels_page=LABELS_PAGE,
            next=next_step(report),
            notes=notes(report),
            notice=NOTICE,
            charts=_charts(artifacts, report),
            pictures=page_pictures(artifacts, report),
            attention_scale=scale_css(),
            kinds=KINDS,
            n_wrong_on_paper=N_ON_PAPER,
            roc_paths=roc_paths(report),
            cutoff=cutoff_data(report, artifacts.predictions),
            matrix=pair_matrix(report.pairs),
            card=model_card(report),
            checklist=checklist(report),
            rejected=artifacts.rejected.head(MAX_REJECTED).to_dict("records"),
            versions=artifacts.comparison.versions,
            settings=SETTINGS,
            measure_names=MEASURE_NAMES,
            remedies=REMEDIES,
            told=left_out_in_words,
            part_names=wording.PART_NAMES,
            label_names=wording.CLASS_NAMES,
            verdict_names=wording.VERDICT_NAMES,
            origins=ORIGINS,
            status_names=STATUS_NAMES,
        )
    )


def render_card(report: ReportFigures) -> str:
    """Fill the model card as Markdown, for whoever gets the model without the page."""
    title = report.chosen.title if report.chosen else wording.recommended(None)
    template = make_environment().get_template("model_card.md.j2")
    return template.render(title=title, run_key=report.run_key, card=model_card(report))


def render_table(report: ReportFigures) -> str:
    """Return the paper's table as CSV."""
    return as_csv(*paper_table(report))


def _charts(artifacts: Artifacts, report: ReportFigures) -> dict[str, Any]:
    """Draw every chart; there is no ROC curve where a class is missing."""
    basis, trained = report.basis, report.trained
    lowest = charts.min_accuracy(artifacts.histories.values())
    return {
        **{
            quantity: {
                name: charts.draw_curve(
                    history,
                    name,
                    quantity=quantity,
                    best_epoch=trained[name].best_epoch,
                    min_accuracy=lowest,
                )
                for name, history in artifacts.histories.items()
            }
            for quantity in ("loss", "accuracy")
        },
        "roc": charts.draw_roc(trained, basis=basis),
        "cost": charts.draw_cost(trained, basis=basis),
        "reliability": {
            name: draw_reliability(name, facts.statistics.calibration)
            for name, facts in trained.items()
        },
        "drift": draw_drift(report.audit.drift),
        "learning_curve": draw_learning_curve(report.audit.learning_curve),
    }
