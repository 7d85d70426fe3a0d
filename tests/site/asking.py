"""Pages as a browser asks for them, and what they say."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from cxr_tasks.site.airflow_run import AirflowRun
from cxr_tasks.site.answer import Answer
from cxr_tasks.site.site import Site

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}\"'&"
RUN_ID = "manual__2026-01-31T03:00:00+00:00"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str, name: str) -> Iterator[str | None]:
        return (
            attributes[name]
            for found, attributes in self.found
            if found == tag and name in attributes
        )


def shown(answer: Answer) -> str:
    return answer.body if isinstance(answer.body, str) else answer.body.decode()


def text_of(answer: Answer) -> str:
    return " ".join(Tags(shown(answer)).text.split())


def all_runs(site: Site, **query: str) -> Answer:
    return site.all_runs(query, base="/cxr")


def tab(site: Site, dag_id: str, state: str | None = "success", **conf: Any) -> Answer:
    return site.of_run.airflow_run(AirflowRun(dag_id, RUN_ID, state, conf), base="/cxr")
