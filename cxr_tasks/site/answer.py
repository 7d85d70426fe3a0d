"""What is sent for an address: a page made from a template, or a table; with its headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import PurePath
from typing import ParamSpec

from jinja2 import Environment

from cxr_tasks.errors import ConfigError
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.page_scripts import stated_policy
from cxr_tasks.site.compare_page import DASHES, MEASURE_TITLES
from cxr_tasks.site.comparison import LETTERS
from cxr_tasks.site.notice import NO_SUCH_RUN, Notice
from cxr_tasks.site.trend import FRAME
from cxr_tasks.site.view import COLUMNS, FILTERS, TREND_MEASURES
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import NONE, PART_NAMES, VERDICT_NAMES, one_line

Params = ParamSpec("Params")

MENU = {
    "runs": ("/runs", "All runs"),
    "compare": ("/compare", "Compare"),
    "champion": ("/champion", "Champion"),
    "scores": ("/scores", "Scores"),
}
"""Where each page of the menu is, and what it is called there."""

_MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json", ".md": "text/markdown"}

_HERE = "form-action 'self'; frame-ancestors 'self'"
"""What the pages may do on this server, beside what each states of itself."""

_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
"""Of a page that states nothing, as reports of older versions do."""


@dataclass(frozen=True)
class Answer:
    """A page and its HTTP status."""

    body: str | bytes
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    extra: Mapping[str, str] = field(default_factory=dict)  # headers beside those of every answer

    @property
    def headers(self) -> dict[str, str]:
        """Sent with it: only the scripts that it states run, and no other site may frame it."""
        body = self.body if isinstance(self.body, bytes) else self.body.encode()
        is_page = self.media_type.startswith("text/html")
        return {
            "Content-Security-Policy": f"{(is_page and stated_policy(body)) or _NOTHING}; {_HERE}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "private, no-cache",
            **self.extra,
        }


def download(body: str | bytes, name: str) -> Answer:
    """Return a file to save, under a name in ASCII whose ending tells what it is."""
    media_type = f"{_MEDIA_TYPES[PurePath(name).suffix]}; charset=utf-8"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(body, media_type=media_type, extra=disposition)


def show(notice: Notice, base: str, *, again: str = "") -> Answer:
    """Return a short page in place of one that is not there.

    Args:
        notice: What it says.
        base: Where the pages are mounted.
        again: Where the form stands that starts the run again; empty where none does.
    """
    page = fill("notice.html.j2", base, notice=notice, live=None, again=again)
    return Answer(page, notice.status)


def unreadable(name: str, base: str) -> Answer:
    """Return a page about what is there, and the server may not read; its status says so too."""
    return show(Notice("unreadable", "The server may not read this", name, status=503), base)


def told_where_unreadable(make: Callable[Params, Answer]) -> Callable[Params, Answer]:
    """Answer that the server may not read a folder, where it may not; other errors stay errors."""

    @wraps(make)
    def made(*args: Params.args, **kwargs: Params.kwargs) -> Answer:
        try:
            return make(*args, **kwargs)
        except PermissionError as err:
            return unreadable(PurePath(str(err.filename)).name, str(kwargs.get("base", "")))

    return made


def refused_name(err: ConfigError) -> Notice:
    """Return the notice about a name that nothing can have."""
    return Notice("no name", NO_SUCH_RUN, status=404, reason=f"{err.problem} {err.rule}")


def fill(template: str, base: str, *, here: str = "", **context: object) -> str:
    """Fill a template of this package; `here` is the page's own name in the menu."""
    return _environment().get_template(template).render(base=base, here=here, **context)


@cache
def _environment() -> Environment:
    environment = make_environment("cxr_tasks.site", variant_title=variant_title)
    environment.globals |= {
        "menu": MENU,
        "frame": FRAME,
        "variants": VARIANTS,
        "columns": COLUMNS,
        "filters": FILTERS,
        "named": {"q": "search", "tag": "tag"} | {name: f.title for name, f in FILTERS.items()},
        "trend_measures": TREND_MEASURES,
        "measures": MEASURE_TITLES,
        "dashes": dict(zip(LETTERS, DASHES, strict=True)),
        "part_names": PART_NAMES,
        "verdict_names": VERDICT_NAMES,
    }
    return environment


def variant_title(name: str | None) -> str:
    """Return the title of a recommended variant; a name from elsewhere stays as it is."""
    if name is None:
        return NONE
    return VARIANTS[name].title if name in VARIANTS else one_line(name, 40)
