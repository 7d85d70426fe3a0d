"""Which Kaggle data set a person names: OWNER/SLUG, perhaps of one version, or its address."""

import re
from itertools import pairwise
from urllib.parse import parse_qs

from cxr_tasks.errors import ConfigError, shown

STUDY_SLUG = "covid-19-vs-normal-chest-x-rays"
"""The study names its data set without the owner."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?"
_VERSION = r"[1-9]\d{0,5}"

_SITE = re.compile(r"(?:https?://)?(?:www\.)?kaggle\.com/", re.IGNORECASE)
_COMMAND = ["kaggle", "datasets", "download"]
_FLAGS_WITH_PATH = {"-p", "--path", "-f", "--file"}
_FOLDERS = (["datasets"], ["api", "v1", "datasets", "download"])
_PAGES = {"data", "code", "discussion", "suggestions", "metadata", "activity", "settings"}
"""Of a data set, as its address may end."""
_OTHER_THINGS = re.compile(
    "c|code|competitions|discussions|docs|kernels|learn|models|notebooks|organizations"
)


def read_handle(setting: str, text: str) -> str:
    """Read the data set that a setting's text names, as Kaggle's client wants it.

    Addresses from a browser, with or without a version, and the command that Kaggle's page offers
    to copy are read too.

    Returns:
        `OWNER/SLUG`, or `OWNER/SLUG/5` of the version 5. Each of the parts is a file name, and has
        no dot.

    Raises:
        ConfigError: It names no data set.
    """
    path, query = _path_and_query(_named_in_command(text.strip()), setting)
    parts = [part for part in map(str.strip, path.split("/")) if part]
    for folder in _FOLDERS:
        if parts[: len(folder)] == folder:
            parts = parts[len(folder) :]
    owner_and_slug, rest = parts[:2], parts[2:]
    if rest[-1:] and rest[-1] in _PAGES:
        rest.pop()
    rest = rest[1:] if rest[:1] == ["versions"] else rest
    rest = rest or parse_qs(query).get("datasetVersionNumber", [])
    handle = "/".join([*owner_and_slug, *rest])
    if not re.fullmatch(rf"{_NAME}/{_NAME}(?:/{_VERSION})?", handle, re.ASCII):
        raise _refused(setting, text)
    return handle


def slug_of(handle: str) -> str:
    """Return the data set's name without its owner; files are named by it."""
    return handle.split("/")[1]


def _named_in_command(text: str) -> str:
    """Return the data set named in `kaggle datasets download -d OWNER/SLUG`."""
    words = text.split()
    if words[:3] != _COMMAND:
        return text
    named = [
        word
        for before, word in pairwise(words[2:])
        if not word.startswith("-") and before not in _FLAGS_WITH_PATH
    ]
    return named[0] if named else ""


def _path_and_query(text: str, setting: str) -> tuple[str, str]:
    """Split an address of Kaggle's site; any other text is all path."""
    site = _SITE.match(text)
    if not site:
        return text, ""
    path, _, query = text[site.end() :].partition("#")[0].partition("?")
    if _OTHER_THINGS.fullmatch(path.split("/")[0].lower()):
        raise _refused(setting, text)
    return path, query


def _refused(setting: str, text: str) -> ConfigError:
    slug = text if re.fullmatch(_NAME, text) else STUDY_SLUG
    problem = "is no Kaggle data set" if "/" in text else "names no owner"
    return ConfigError(
        f"{setting}={shown(text)} {problem}.",
        "A Kaggle data set is named OWNER/SLUG, as its address ends, or OWNER/SLUG/versions/5; the "
        "study gives the slug only.",
        f'Set {setting}="OWNER/{slug}" with the owner\'s name for OWNER (command line: '
        f"--{setting.replace('_', '-')}, DAG param: {setting}), or use source zip with a download "
        "that you have.",
    )
