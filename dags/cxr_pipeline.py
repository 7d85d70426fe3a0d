"""The DAG `cxr_pipeline`: wiring only; every stage's work is in `cxr_tasks`."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, Param, TaskGroup, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)

from cxr_tasks.config import make_config
from cxr_tasks.devices import POOL
from cxr_tasks.errors import CxrError
from cxr_tasks.form import RUN_NAME, form_fields
from cxr_tasks.paths import Home, RunPaths, run_key_from
from cxr_tasks.pipeline import check_complete, trained_variants
from cxr_tasks.process import StageError, run_stage
from cxr_tasks.runs import open_run, start_run
from cxr_tasks.sources.kaggle import credentials_environment
from cxr_tasks.variants import VARIANTS

DOC = """
Ingests chest X-rays (COVID-19 against normal), trains four Keras variants side by side,
audits the data for shortcuts beside them, evaluates, and writes an HTML report that compares the
variants and says how far their scores can be trusted.

Research software, no medical device. Settings: the trigger form; artifacts and the report:
`$CXR_HOME/runs/<run name>`. One failed variant does not stop the others; the task `gate`
then fails the run after the report is made.
"""
KAGGLE_CONNECTION = "kaggle_default"
RETRIES, RETRY_DELAY = 2, timedelta(seconds=10)
log = logging.getLogger(__name__)


def current_run() -> tuple[RunPaths, dict[str, Any]]:
    """Find the folders of the run this task belongs to, and what the form was filled with."""
    context = get_current_context()
    given = {**context["params"], **(context["dag_run"].conf or {})}
    home = Home(Path(os.environ.get("CXR_HOME", "cxr-home")).absolute())
    return home.run(given.pop(RUN_NAME, "") or run_key_from(context["run_id"])), given


@contextmanager
def not_retried() -> Iterator[None]:
    """Fail the task at once on what the same input would bring again."""
    try:
        yield
    except CxrError as err:
        raise AirflowFailException(str(err)) from err
    except StageError as err:
        if err.retryable:
            raise
        raise AirflowFailException(str(err)) from err


def run_as_child(stage: str, *, variant: str | None = None, **secrets: str) -> None:
    """Run a stage of this run as a child process; what it prints goes to the task's log."""
    run, _ = current_run()
    environ = {**os.environ, **secrets}
    with not_retried():
        run_stage(stage, run, variant=variant, environ=environ, on_line=log.info)


def kaggle_login() -> dict[str, str]:
    """Read the Airflow connection to Kaggle, where there is one, as environment variables."""
    try:
        login = Connection.get(KAGGLE_CONNECTION)
    except AirflowNotFoundException:
        return {}
    with not_retried():
        return credentials_environment(login.login, login.password, login.extra_dejson)


@task(retries=0)
def start() -> None:
    """Check the whole configuration before any work is done."""
    with not_retried():
        run, given = current_run()
        start_run(make_config(given), run.home, run.key)


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def ingest() -> None:
    """Have the images and the backbone weights on the shared volume."""
    run_as_child("ingest", **kaggle_login())


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def split() -> None:
    """Divide the images into train, val and test."""
    run_as_child("split")


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def audit() -> None:
    """Look for what else than disease could tell the classes apart."""
    run_as_child("audit")


@task(pool=POOL, retries=RETRIES, retry_delay=RETRY_DELAY)
def train(variant: str) -> None:
    """Train one variant, with all its folds."""
    run, _ = current_run()
    if variant not in open_run(run.home, run.key)[1].variants:
        raise AirflowSkipException(f"{variant} was not selected for this run.")
    run_as_child("train", variant=variant)


# Not ALL_DONE_MIN_ONE_SUCCESS: it skips the task as soon as one upstream task was skipped, and
# a variant that was not selected is.
@task(trigger_rule=TriggerRule.ALL_DONE, retries=RETRIES, retry_delay=RETRY_DELAY)
def evaluate() -> None:
    """Measure every variant that was trained, and judge what the scores are worth."""
    run, _ = current_run()
    if not trained_variants(run):
        raise AirflowSkipException("No variant was trained; the failed tasks say why.")
    run_as_child("evaluate")


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def report() -> None:
    """Render the comparison report."""
    run_as_child("report")


@task(trigger_rule=TriggerRule.ALL_DONE, retries=0)
def gate() -> None:
    """Fail the run when a variant, audit or report is missing: Airflow looks at leaves only."""
    with not_retried():
        run, _ = current_run()
        check_complete(*open_run(run.home, run.key))


@dag(
    dag_id="cxr_pipeline",
    schedule=None,
    params={name: Param(**field) for name, field in form_fields().items()},
    max_active_runs=4,
    tags=["cxr", "training"],
    doc_md=DOC,
)
def cxr_pipeline() -> None:
    """Wire the stages."""
    divided = split()
    with TaskGroup("train") as trainings:
        for variant in VARIANTS:
            train.override(task_id=variant)(variant)
    start() >> ingest() >> divided >> [audit(), trainings] >> evaluate() >> report() >> gate()


cxr_pipeline()
