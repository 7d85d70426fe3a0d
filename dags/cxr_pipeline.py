"""The DAG `cxr_pipeline`: wiring only; every stage's work is in `cxr_tasks`."""

import os
from dataclasses import replace
from typing import Any

from airflow.sdk import Param, TaskGroup, TriggerRule, get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from cxr_airflow.dag import CHAMPION, SCHEDULE, cron_schedule, cxr_dag, images_schedule
from cxr_airflow.tasks import (
    TRAINING_HOURS,
    any_succeeded,
    cxr_task,
    given_settings,
    is_scheduled,
    kaggle_login,
    linked,
    log_line,
    opened_run,
    run_stage_as_child,
    shared_volume,
    time_limit,
)

from cxr_tasks.champion.pointer import serving
from cxr_tasks.machine.devices import POOL
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.runs.start import choose_run_key, describe_start, read_config, start_run
from cxr_tasks.runs.unchanged import reason, unchanged_since
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.defaults import check_schedule, read_defaults
from cxr_tasks.settings.form import RUN_NAME, form_fields, settings_in_force
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.records import require_record

DOC = """
Trains four classifiers of chest X-rays (COVID-19 against normal), compares them, and says how far
their scores can be trusted.

**Research software, no medical device.** Nothing it prints is fit for decisions about patients.

### Start a run
Press **Trigger**. As it opens, the form starts the profile *quickstart*: images that the project
draws itself, short trainings, minutes on two cores. Its figures say nothing about patients. For
real images choose `paper` or `honest` and fill in the section *Data*; every field says what it
wants.

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
- `evaluate`, `report`; `gate` then lets only a whole run go on, in which nothing has failed.
- `promote` lets the model serve if it is better than the champion; never on synthetic images.

Pink is no fault: a variant that was not selected, a run that would only repeat an earlier one, or a
model that was not promoted. A failed variant does not stop the others. Clear a failed task, or
start a run of the same name and settings: what is finished stays.
"""

TRAININGS = "train"

TRAINING_POD_TEMPLATE = "CXR_TRAINING_POD_TEMPLATE"
"""Environment variable: the file that describes a training's pod to KubernetesExecutor."""


@cxr_task(retries=0, multiple_outputs=False)
def start() -> dict[str, str]:
    """Check the whole configuration before any work is done, and open the run."""
    given, defaults = given_settings(), read_defaults()
    run_key = choose_run_key(given.pop(RUN_NAME, None), get_current_context()["run_id"])
    config = make_config(given, defaults=defaults.run)
    if is_scheduled():
        unattended = replace(defaults, run=config.as_dict())
        check_schedule(unattended, because="No person has filled in the form of this run")
    run = start_run(config, shared_volume(), run_key)
    for line in settings_in_force(read_config(run)):
        log_line(line)
    return describe_start(run)


@cxr_task()
def ingest() -> None:
    """Bring the images and the backbone weights onto the shared volume."""
    run_stage_as_child("ingest", **kaggle_login())


@cxr_task()
def split() -> None:
    """Divide the images into train, val and test."""
    run, _ = opened_run()
    if earlier := unchanged_since(run):
        raise AirflowSkipException(reason(earlier))
    run_stage_as_child("split")


@cxr_task()
def audit() -> None:
    """Check whether anything other than disease could tell the classes apart."""
    run_stage_as_child("audit")


# The pool keeps the trainings to the devices there are; the queue sends them to the workers that
# have them, and means nothing to an executor without queues.
@cxr_task(pool=POOL, queue=POOL, execution_timeout=time_limit(TRAINING_HOURS))
def train(variant: str) -> None:
    """Train one variant, with all its folds."""
    _, config = opened_run()
    if variant not in config.variants:
        raise AirflowSkipException(f"{variant} was not selected for this run.")
    run_stage_as_child("train", variant=variant)


# Not ALL_DONE_MIN_ONE_SUCCESS: it skips the task as soon as one upstream task was skipped, and
# a variant that was not selected is.
@cxr_task(trigger_rule=TriggerRule.ALL_DONE)
def evaluate() -> None:
    """Measure every variant that was trained, and judge what the scores are worth."""
    if not any_succeeded(TRAININGS):
        raise AirflowSkipException("No training has succeeded; the tasks before this say why.")
    run_stage_as_child("evaluate")


@cxr_task()
def report() -> None:
    """Render the comparison report."""
    run_stage_as_child("report")


# What has failed before it fails the run, and is the last that the log says; Airflow itself looks
# at leaves only. A run that ended early for having nothing new skips it.
@cxr_task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, retries=0)
def gate() -> None:
    """Let only a run go on in which no task failed and no variant, audit or report is missing."""
    check_complete(*opened_run())


@cxr_task(outlets=[CHAMPION])
def promote() -> None:
    """Let the run's model serve if it is better; success means that it does."""
    from cxr_tasks.champion.promotion_record import PromotionRecord

    run, config = opened_run()
    if not config.promote:
        raise AirflowSkipException("This run was not to challenge the champion (promote=false).")
    run_stage_as_child("promote")
    record = require_record(run.promote, PromotionRecord)
    if record.decision != "promoted":
        raise AirflowSkipException(f"{record.decision}: {record.reason}")
    if serving(run.home) != record.version:
        raise AirflowSkipException(f"{record.version} was promoted, but no longer serves.")


def training_executor_config() -> dict[str, Any]:
    """Return the pod of a training, where KubernetesExecutor runs it."""
    template = os.environ.get(TRAINING_POD_TEMPLATE)
    return {"pod_template_file": template} if template else {}


defaults = read_defaults()


@cxr_dag(
    "cxr_pipeline",
    DOC,
    schedule=images_schedule(cron_schedule(SCHEDULE, defaults)),
    params={name: Param(**field) for name, field in form_fields(defaults.run).items()},
    max_active_runs=4,
    tags=["cxr", "training"],
)
def cxr_pipeline() -> None:
    """Wire the stages."""
    with TaskGroup(TRAININGS) as trainings:
        for variant in VARIANTS:
            placed = train.override(task_id=variant, executor_config=training_executor_config())
            linked(placed(variant))
    divided, audited, reported, gated = split(), audit(), linked(report()), gate()
    start() >> ingest() >> divided >> [audited, trainings] >> evaluate() >> reported
    [divided, audited, trainings, reported] >> gated >> linked(promote())


cxr_pipeline()
