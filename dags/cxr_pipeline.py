"""The DAG `cxr_pipeline`: wiring only; every stage's work is in `cxr_tasks`."""

import os
from typing import Any

from airflow.sdk import Param, TaskGroup, TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from cxr_airflow.assets import CHAMPION, pipeline_schedule
from cxr_airflow.links import linked
from cxr_airflow.notifier import ending_callbacks
from cxr_airflow.tasks import (
    RETRIES,
    RETRY_DELAY,
    current_run,
    given_settings,
    is_scheduled,
    kaggle_login,
    not_retried,
    run_stage_as_child,
)

from cxr_tasks.champion.pointer import serving
from cxr_tasks.config import make_config
from cxr_tasks.defaults import check_schedule, read_defaults
from cxr_tasks.devices import POOL
from cxr_tasks.form import RUN_NAME, form_fields
from cxr_tasks.pipeline import check_complete, trained_variants
from cxr_tasks.records import require_record
from cxr_tasks.runs import open_run, start_run
from cxr_tasks.unchanged import reason, unchanged_since
from cxr_tasks.variants import VARIANTS

DOC = """
Trains four classifiers of chest X-rays (COVID-19 against normal), compares them, and says how far
their scores can be trusted.

**Research software, no medical device.** Nothing it prints is fit for decisions about patients.

### Start a run
Press **Trigger**. As it opens, the form starts the profile *quickstart*: images that the project
draws itself, few epochs, minutes on two cores. Its figures say nothing about patients. For real
images choose `paper` or `honest` and fill in the section *Data*; every field says what it wants.

### Where the report is
In the tab **Report** of the run; the trainings and the task `report` link to it under *Details*.
**CXR reports** in the navigation lists all runs, shows the trend, and puts two runs side by side.
On disk: `$CXR_HOME/runs/<run name>/report/index.html`.

### What the verdict means
| verdict | |
|---|---|
| shortcut | Something else tells the classes apart as well: no evidence of detecting disease. |
| warning | Something else predicts the label, less well; or copies or patients cross the split. |
| no shortcut found | None of these. It rules out the shortcuts that were looked for, no others. |

### What the tasks do
- `start` checks the whole form in a second, before an hour is spent.
- `ingest`, `split`, then side by side `audit` and four trainings, in a pool with one slot a device.
- `evaluate`, `report`; `gate` then fails the run where a variant, audit or report is missing.
- `promote` lets the model serve if it is better than the champion; never on synthetic images.

Pink is no fault: a variant that was not selected, a run that would only repeat an earlier one, or a
model that was not promoted. A failed variant does not stop the others. Clear a failed task, or
start a run of the same name and settings: what is finished stays.
"""

TRAINING_POD_TEMPLATE = "CXR_TRAINING_POD_TEMPLATE"
"""Environment variable: the file that describes a training's pod to KubernetesExecutor."""


@task(retries=0)
def start() -> None:
    """Check the whole configuration before any work is done."""
    with not_retried():
        if is_scheduled():
            check_schedule(read_defaults(), because="No person has started this run")
        given, run = given_settings(), current_run()
        given.pop(RUN_NAME, None)
        start_run(make_config(given), run.home, run.key)


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def ingest() -> None:
    """Have the images and the backbone weights on the shared volume."""
    run_stage_as_child("ingest", **kaggle_login())


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def split() -> None:
    """Divide the images into train, val and test."""
    run = current_run()
    if earlier := unchanged_since(run):
        raise AirflowSkipException(reason(run, earlier))
    run_stage_as_child("split")


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def audit() -> None:
    """Look for what else than disease could tell the classes apart."""
    run_stage_as_child("audit")


# The pool keeps the trainings to the devices there are; the queue sends them to the workers that
# have them, and means nothing to an executor without queues.
@task(pool=POOL, queue=POOL, retries=RETRIES, retry_delay=RETRY_DELAY)
def train(variant: str) -> None:
    """Train one variant, with all its folds."""
    run = current_run()
    if variant not in open_run(run.home, run.key)[1].variants:
        raise AirflowSkipException(f"{variant} was not selected for this run.")
    run_stage_as_child("train", variant=variant)


# Not ALL_DONE_MIN_ONE_SUCCESS: it skips the task as soon as one upstream task was skipped, and
# a variant that was not selected is.
@task(trigger_rule=TriggerRule.ALL_DONE, retries=RETRIES, retry_delay=RETRY_DELAY)
def evaluate() -> None:
    """Measure every variant that was trained, and judge what the scores are worth."""
    if not trained_variants(current_run()):
        raise AirflowSkipException("No variant was trained; the tasks before this say why.")
    run_stage_as_child("evaluate")


@task(retries=RETRIES, retry_delay=RETRY_DELAY)
def report() -> None:
    """Render the comparison report."""
    run_stage_as_child("report")


@task(trigger_rule=TriggerRule.ALL_DONE, retries=0)
def gate() -> None:
    """Fail the run when a variant, audit or report is missing: Airflow looks at leaves only."""
    run = current_run()
    if earlier := unchanged_since(run):
        raise AirflowSkipException(reason(run, earlier))
    with not_retried():
        check_complete(*open_run(run.home, run.key))


@task(outlets=[CHAMPION], retries=RETRIES, retry_delay=RETRY_DELAY)
def promote() -> None:
    """Let the run's model serve if it is better; success means that it does."""
    run = current_run()
    if not open_run(run.home, run.key)[1].promote:
        raise AirflowSkipException("This run was not to challenge the champion (promote=false).")
    run_stage_as_child("promote")
    record = require_record(run.promote, "promote")
    if record["decision"] != "promoted":
        raise AirflowSkipException(f"{record['decision']}: {record['reason']}")
    if serving(run.home) != record["version"]:
        raise AirflowSkipException(f"{record['version']} was promoted, but serves no more.")


def training_executor_config() -> dict[str, Any]:
    """Name the pod of a training, where KubernetesExecutor runs it."""
    template = os.environ.get(TRAINING_POD_TEMPLATE)
    return {"pod_template_file": template} if template else {}


defaults = read_defaults()


@dag(
    dag_id="cxr_pipeline",
    schedule=pipeline_schedule(defaults),
    params={name: Param(**field) for name, field in form_fields(defaults.run).items()},
    max_active_runs=4,
    tags=["cxr", "training"],
    doc_md=DOC,
    **ending_callbacks(),
)
def cxr_pipeline() -> None:
    """Wire the stages."""
    with TaskGroup("train") as trainings:
        for variant in VARIANTS:
            placed = train.override(task_id=variant, executor_config=training_executor_config())
            linked(placed(variant))
    begun = start() >> ingest() >> split()
    begun >> [audit(), trainings] >> evaluate() >> linked(report()) >> gate() >> linked(promote())


cxr_pipeline()
