"""The DAG `cxr_score`: the champion applied to new images, by hand or when another one serves."""

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from cxr_airflow.dag import CHAMPION, cxr_dag
from cxr_airflow.lineage import leave_lineage
from cxr_airflow.tasks import (
    cxr_task,
    given_settings,
    is_scheduled,
    run_command_as_child,
    shared_volume,
)

from cxr_tasks.champion.scoring.request import (
    NO_DATA,
    make_request,
    names_data,
    request_environment,
    score_form_fields,
)
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.flow.lineage import scoring_lineage
from cxr_tasks.settings.defaults import read_defaults
from cxr_tasks.volume.paths import run_key_from

DOC = """
Applies the champion to new images: a folder, images or zip files. The result is a table and a page
in `$CXR_HOME/scores/<name of the batch>`; the tab *Report* shows the page.

By hand, or when another model has become champion: then it scores what `defaults.toml` names below
`[score]`, if anything. Research software, no medical device.
"""


@cxr_task()
def score() -> None:
    """Score the images, unless none are named."""
    given = given_settings()
    if is_scheduled() and not names_data(given):
        raise AirflowSkipException(NO_DATA)
    # the same name in every try: what a try before has finished is not done again
    given["name"] = given.get("name") or run_key_from(get_current_context()["run_id"])
    home, request = shared_volume(), make_request(given)
    champion = require_champion(home, request.version)
    leave_lineage(
        lambda: scoring_lineage(home, paths=request.paths, version=champion.name, name=request.name)
    )
    run_command_as_child("predict", **request_environment(given))


@cxr_dag(
    "cxr_score",
    DOC,
    description="Scores new images with the champion",
    schedule=[CHAMPION],
    params={
        name: Param(**field) for name, field in score_form_fields(read_defaults().score).items()
    },
    tags=["cxr", "scoring"],
)
def cxr_score() -> None:
    """Wire the one task."""
    score()


cxr_score()
