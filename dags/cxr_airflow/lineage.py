"""What a task has read and written, for OpenLineage where its provider is installed.

Airflow's provider asks the operator for it when the task has ended, however it ended. It does so in
a fork that may be killed while it shares the task's connection to Airflow: so the task lays down
while it works where the answer is to be found, and the answer comes from the volume alone.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

from cxr_tasks.flow.lineage import Lineage, Place

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import Dataset

ASKED = "get_openlineage_facets_on_complete"
"""The method of an operator that the provider calls, also for a task that failed or was skipped."""


def leave_lineage(find: Callable[[], Lineage]) -> None:
    """Let the event at the end of this task say what it has read and written.

    Args:
        find: Finds it, when the task has ended.
    """
    setattr(get_current_context()["task"], ASKED, lambda _task_instance: as_openlineage(find()))


def as_openlineage(lineage: Lineage) -> "OperatorLineage":
    """Return what the provider wants of an operator; only the provider calls this."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[_dataset(place) for place in lineage.inputs],
        outputs=[_dataset(place) for place in lineage.outputs],
    )


def _dataset(place: Place) -> "Dataset":
    from openlineage.client.event_v2 import Dataset

    return Dataset(namespace=place.namespace, name=place.name, facets=_facets(place))


def _facets(place: Place) -> dict[str, Any]:
    """Return what is known of a place in OpenLineage's words, nothing that is not."""
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        documentation_dataset,
        schema_dataset,
    )

    facets: dict[str, Any] = {}
    if place.version:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(place.version)
    if place.about:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(place.about)
    if place.columns:
        fields = [schema_dataset.SchemaDatasetFacetFields(name) for name in place.columns]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields)
    return facets
