"""The README and the pages in docs/: short, and no link that leads nowhere."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
GENERATED = {"licences.md"}
MAX_LINES = 200

_CODE = re.compile(r"^```.*?^```$|`[^`]*`", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_LINK_TEXT = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def links(text: str) -> list[str]:
    """Return where a page's links and images lead, those to other sites left out."""
    targets = _LINK.findall(_CODE.sub("code", text))
    return [target for target in targets if not target.startswith(("http://", "https://"))]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", _LINK_TEXT.sub(r"\1", heading).lower()).replace(" ", "-")
        found.add(f"{plain}-{seen[plain]}" if seen[plain] else plain)
        seen[plain] += 1
    return found


def broken_links(page: Path) -> list[str]:
    broken = []
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize(
    "page",
    [README, *(page for page in PAGES if page.name not in GENERATED)],
    ids=lambda page: page.name,
)
def test_a_page_written_by_hand_is_short(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= MAX_LINES


def test_the_readme_links_to_every_page() -> None:
    linked = {target.partition("#")[0] for target in links(README.read_text())}
    assert {f"docs/{page.name}" for page in PAGES} - linked == set()


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(
        "# A `code` [heading](x), twice\n\n# A `code` heading, twice\n"
    )
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n\n```\n# no heading\n[no](link)\n```\n`[no](link)` [web](https://example.org)\n"
        "[a](#here) [b](#no-heading) [c](other.md#a-code-heading-twice-1)\n"
        "[over two\nlines](other.md#a-code-heading-twice-2) ![gone](gone.png)\n"
    )
    assert broken_links(page) == ["#no-heading", "other.md#a-code-heading-twice-2", "gone.png"]
