"""The page as a document: well formed, one file, small, linked, told once, safe."""

import re
from itertools import pairwise

import pytest
from jinja2 import UndefinedError

from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.report_record import LABELS_PAGE
from cxr_tasks.wording import one_line
from tests.policy import refused_scripts
from tests.reporting.made_report import Made
from tests.reporting.sentences import repeated_sentences

EMBEDDED = ("#", "data:image/jpeg;base64,", "data:image/png;base64,")
OWN = re.compile(r"<script.*?</script>|<meta http-equiv[^>]*>", re.DOTALL)


def test_page_is_well_formed(made: Made) -> None:
    assert made.parsed.open == []


def test_every_image_says_what_it_shows(made: Made) -> None:
    images = made.parsed.attributes("img")
    assert len(images) > 10
    assert all(image["alt"] for image in images)
    shown = [each for each in made.parsed.attributes("svg") if "aria-hidden" not in each]
    assert len(shown) > 20
    assert all(each["aria-label"] for each in shown)


def test_page_is_one_file_that_runs_only_its_own_scripts(made: Made) -> None:
    beside = {path.name for path in made.run.report.iterdir()}
    for _, attrs in made.parsed.tags:
        for name in ("src", "href", "xlink:href"):
            place = attrs.get(name) or "#"
            assert place.startswith((*EMBEDDED, "../evaluate/")) or place in beside
        assert "target" not in attrs
        assert not any(name.startswith("on") for name in attrs)
    assert not {"link", "iframe"} & {tag for tag, _ in made.parsed.tags}
    assert refused_scripts(made.page) == []
    assert "http" not in OWN.sub("", made.page)
    assert not re.search(r"url\((?!#)", made.page)


def test_page_stays_small(made: Made) -> None:
    assert len(made.page.encode()) < 2_000_000


def test_headings_descend_step_by_step(made: Made) -> None:
    levels = [int(tag[1]) for tag, _ in made.parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_ids_are_unique_and_links_lead_to_them(made: Made) -> None:
    ids = [attrs["id"] for _, attrs in made.parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] or "" for attrs in made.parsed.attributes("a")]
    inside = [link for link in links if link.startswith("#")]
    assert len(inside) > 5
    assert {link.removeprefix("#") for link in inside} <= set(ids)


def test_every_file_of_the_row_is_there(made: Made) -> None:
    files = {attrs["href"] or "" for attrs in made.parsed.attributes("a")}
    files = {link for link in files if not link.startswith("#")}
    predictions = {f"../evaluate/{name}/predictions.csv" for name in made.report.trained}
    assert files - {LABELS_PAGE} == {"table.csv", "report.json", "model_card.md"} | predictions
    assert all((made.run.report / link).is_file() for link in files)


def test_no_sentence_stands_twice(made: Made) -> None:
    assert repeated_sentences(made.page) == []


def test_tables_are_captioned_and_scoped(made: Made) -> None:
    assert made.page.count("<caption") == made.page.count("<table")
    assert all("scope" in attrs for attrs in made.parsed.attributes("th"))


def test_undefined_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        make_environment().from_string("{{ no_such_name }}").render()


def test_template_escapes_by_default() -> None:
    assert make_environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


def test_hostile_names_are_text(mixed: Made) -> None:
    assert refused_scripts(mixed.page) == []
    alts = " ".join(image["alt"] or "" for image in mixed.parsed.attributes("img"))
    alts += " ".join(each.get("aria-label") or "" for each in mixed.parsed.attributes("svg"))
    told = alts + mixed.parsed.text
    assert '<script>alert("x")<script>.png' in told
    assert "\"quoted' & <b>bold<b>.png" in told
    assert "two\\nlines\\t{{ 7 * 7 }}.png" in told
    assert re.search(r"long-long-[long-]*…[long-]*name\.png", told)
    assert "folder of <images> &" in mixed.parsed.text


def test_one_line_shows_what_would_hide() -> None:
    assert one_line("a\nb\u202ec\x00") == "a\\nb\\u202ec\\x00"
    assert one_line("x" * 100, 20) == "x" * 13 + "…" + "x" * 6
    assert one_line("\ud800") == "\\ud800"
