"""What a task's page in Airflow's UI links to."""

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink


class ReportLink(BaseOperatorLink):
    """From a task to its run's report: the tab that the plugin `cxr_reports` adds.

    The worker leaves the address as an XCom when the task has ended. It is relative to where
    Airflow's UI lies, so that workers need not know that.
    """

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Give the address of the tab."""
        return f"dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id)}/plugin/cxr_report"


def linked(output: Any) -> Any:
    """Give a TaskFlow task a link to the report; a plugin would give it to every DAG's tasks."""
    output.operator.operator_extra_links = (ReportLink(),)
    return output
