"""The DAG `cxr_pipeline`: wiring only; every stage's work is in `cxr_tasks`."""

import os
from dataclasses import replace
from functools import partial
from typing import Any

from airflow.sdk import Param, TaskGroup, TriggerRule, get_current_context
from airflow.sdk.exceptions import AirflowSkipException, DownstreamTasksSkipped
from cxr_airflow.approval import NOBODY_HERE, approval_task
from cxr_airflow.dag import CHAMPION, SCHEDULE, cron_schedule, cxr_dag, images_schedule
from cxr_airflow.lineage import leave_lineage
from cxr_airflow.tasks import (
    TRAINING_HOURS,
    any_succeeded,
    cxr_task,
    given_settings,
    is_dags_test,
    is_scheduled,
    kaggle_login,
    linked,
    log_line,
    opened_run,
    run_command_as_child,
    run_stage_as_child,
    shared_volume,
    time_limit,
    who_starts,
)

from cxr_tasks.champion.pointer import serving
from cxr_tasks.errors import CxrError
from cxr_tasks.flow.lineage import gate_lineage, start_lineage
from cxr_tasks.flow.process import StageError
from cxr_tasks.machine.devices import POOL
from cxr_tasks.publishing import destination as publishing
from cxr_tasks.reporting.completeness import check_complete
from cxr_tasks.runs.start import choose_run_key, describe_start, read_config, start_run
from cxr_tasks.runs.unchanged import reason, unchanged_since
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.defaults import check_schedule, read_defaults
from cxr_tasks.settings.form import RUN_NAME, form_fields, settings_in_force
from cxr_tasks.tracking.server import STAGE, URI, read_server
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.progress import warning
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
- `approve` asks a person first, where the run was started with *Ask a person before promotion*.
- `promote` lets the model serve if it is better than the champion; never on synthetic images.
- `track` sends the run to MLflow, failed or not, where the operator has named a server.
- `publish` copies report and champion to an object store, where the operator has named one.

Pink is no fault: a variant that was not selected, a run that would only repeat an earlier one, a
model that was not promoted, no MLflow server, or no object store. A failed variant does not stop
the others. Clear a failed task, or start a run of the same name and settings: what is finished
stays.
"""

TRAININGS = "train"

ASKED_LATER = "a model that would be promoted waits for a person: in Airflow, Required Actions"

TRAINING_POD_TEMPLATE = "CXR_TRAINING_POD_TEMPLATE"
"""Environment variable: the file that describes a training's pod to KubernetesExecutor."""


@cxr_task(retries=0, multiple_outputs=False)
def start() -> dict[str, str]:
    """Check the whole configuration before any work is done, and open the run."""
    given, defaults = given_settings(), read_defaults()
    read_server(os.environ)
    publishing.read_destination(os.environ)
    run_key = choose_run_key(given.pop(RUN_NAME, None), get_current_context()["run_id"])
    config = make_config(given, defaults=defaults.run)
    if is_scheduled():
        unattended = replace(defaults, run=config.as_dict())
        check_schedule(unattended, because="No person has filled in the form of this run")
    run = start_run(config, shared_volume(), run_key, starter=who_starts())
    leave_lineage(partial(start_lineage, run))
    for line in settings_in_force(read_config(run)):
        log_line(line)
    if config.promote and config.approval:
        log_line(NOBODY_HERE if is_dags_test() else ASKED_LATER)
    return describe_start(run)


@cxr_task()
def ingest() -> None:
    """Bring the images and the backbone weights onto the shared volume."""
    run_stage_as_child("ingest", **kaggle_login())


@cxr_task()
def split() -> None:
    """Divide the images into train, val and test."""
    run, config = opened_run()
    if earlier := unchanged_since(run):
        raise AirflowSkipException(reason(earlier))
    run_stage_as_child("split")
    # Here, so that they need not first wait for a slot of the pool behind another run's training.
    if unselected := [name for name in VARIANTS if name not in config.variants]:
        names = [f"{TRAININGS}.{name}" for name in unselected]
        raise DownstreamTasksSkipped(tasks=names)  # type: ignore[no-untyped-call]


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
    if variant not in config.variants:  # `split` has skipped it; a person has cleared it
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
    run, config = opened_run()
    leave_lineage(partial(gate_lineage, run))
    check_complete(run, config)


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


# Beside promotion, whose end decides about the run: what a person may take days to approve is in
# MLflow at once.
@cxr_task(trigger_rule=TriggerRule.ALL_DONE, retries=0)
def track() -> None:
    """Send the run to MLflow, whole or not; what goes wrong there costs a warning."""
    if not os.environ.get(URI, "").strip():
        raise AirflowSkipException(f"{URI} names no MLflow server.")
    try:
        run, _ = opened_run()
        run_command_as_child(STAGE, "--ended", CXR_RUN=run.key)
    except (CxrError, StageError) as err:
        log_line(warning(f"The run was not sent to MLflow. {err}"))
        raise AirflowSkipException("The run was not sent to MLflow.") from err


# Behind promotion, since the champion that it copies is the one that serves then; what has failed
# before it fails it too, as the last task decides about the run.
@cxr_task(trigger_rule=TriggerRule.NONE_FAILED, retries=0)
def publish() -> None:
    """Copy the report and the champion to the object store; what goes wrong costs a warning."""
    if not os.environ.get(publishing.URL, "").strip():
        raise AirflowSkipException(f"{publishing.URL} names no object store.")
    try:
        run, _ = opened_run()
        run_command_as_child(publishing.STAGE, CXR_RUN=run.key)
    except (CxrError, StageError) as err:
        log_line(warning(f"The run was not published. {err}"))
        raise AirflowSkipException("The run was not published.") from err


def training_executor_config() -> dict[str, Any]:
    """Return the pod of a training, where KubernetesExecutor runs it."""
    template = os.environ.get(TRAINING_POD_TEMPLATE)
    return {"pod_template_file": template} if template else {}


defaults = read_defaults()


@cxr_dag(
    "cxr_pipeline",
    DOC,
    description="Trains four chest X-ray classifiers, compares them, says how far to trust them",
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
    started, approved, promoted = linked(start()), approval_task("approve"), linked(promote())
    started >> ingest() >> divided >> [audited, trainings] >> evaluate() >> reported
    [divided, audited, trainings, reported] >> gated >> approved >> promoted >> publish()
    [reported, gated] >> track()


cxr_pipeline()
