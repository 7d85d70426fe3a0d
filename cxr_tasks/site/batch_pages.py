"""The page and the table of one scored batch, or why they are not shown."""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

from cxr_tasks.errors import ArtifactError, ConfigError
from cxr_tasks.site.answer import Answer, download, refused_name, show, unreadable
from cxr_tasks.site.batches import TABLE, find_run_of_batch, read_scores_page, read_scores_table
from cxr_tasks.site.inside import is_unreadable
from cxr_tasks.site.notice import Notice, no_scores_yet
from cxr_tasks.volume.paths import Home


def batch_page(home: Home, name: str, *, base: str, state: str = "") -> Answer:
    """Return the page of a batch; `state` is what Airflow says of the run that scores it."""
    content = _read(read_scores_page, home, name, base)
    if isinstance(content, Answer):
        return content
    if content is None:
        return show(no_scores_yet(name, state), base)
    return Answer(_with_links(home, content, name, base=base))


def batch_table(home: Home, name: str, *, base: str) -> Answer:
    """Return a batch's table, if it is what was written."""
    content = _read(read_scores_table, home, name, base)
    if isinstance(content, Answer):
        return content
    if content is None:
        return show(Notice("no scores", "No scores", name, status=404), base)
    return download(content, f"{name}-{TABLE}")


def _read(
    read: Callable[[Home, str], bytes | None], home: Home, name: str, base: str
) -> bytes | Answer | None:
    try:
        return read(home, name)
    except ConfigError as err:
        return show(refused_name(err), base)
    except (ArtifactError, ValueError, RecursionError) as err:
        if is_unreadable(err):
            return unreadable(name, base)
        return show(Notice("damaged scores", "These scores are damaged", name), base)


def _with_links(home: Home, page: bytes, name: str, *, base: str) -> bytes:
    """Return a batch's page with links to its table, its champion and the other pages."""
    links = {f"/scores/{quote(name)}/{TABLE}": TABLE, "/champion": "champion"}
    run = find_run_of_batch(home, name)
    if run:
        links[f"/runs/{run}"] = f"the run {run}"
    links |= {"/scores": "all scored batches", "/runs": "all runs"}
    here = ", ".join(f'<a href="{escape(base + to)}">{text}</a>' for to, text in links.items())
    # its text has no < that is not escaped, so nothing else looks like this
    return page.replace(b"<main>", f'<main>\n<p class="remark">{here}</p>'.encode(), 1)
