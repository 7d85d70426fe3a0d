"""The site's pages on a telephone, on paper and by keys; no Airflow serves them here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from cxr_tasks.site.answer import Answer
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import draw_champion
from tests.site.asking import all_runs, shown
from tests.site.shelf import BEGAN, draw_template, put_run
from tests.watching.told import begin_run, finish, told, told_epochs

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's own pipes
]
TELEPHONE, SCREEN = (390, 844), (1360, 900)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    home = draw_champion(tmp_path_factory.mktemp("pages"))
    template = draw_template(tmp_path_factory.mktemp("template"))
    for key in ("one", "two"):
        put_run(home, template, key)
    _go_on(home)
    return Site(home, clock=lambda: BEGAN + 300)


def _go_on(home: Home) -> None:
    run = begin_run(home, "going-on")
    told(run, "ingest", "start", "started", at=BEGAN)
    finish(run, "ingest")
    told_epochs(run, range(1, 6), at=BEGAN + 100)


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open an answer as a page; nothing glides, so that places can be measured at once."""
    context = chromium.new_context(reduced_motion="reduce")

    def open_page(answer: Answer, size: tuple[int, int] = TELEPHONE) -> Page:
        file = tmp_path / "page.html"
        file.write_text(shown(answer))
        page = context.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(file.as_uri())
        return page

    yield open_page
    context.close()


def width(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["width"]


def compared(site: Site) -> Answer:
    return site.compared(["one", "two"], base="/cxr")


def focused(page: Page, n: int, told: str) -> list[object]:
    """Go on by keys; return what a script says of each element that gets the focus."""
    found = []
    for _ in range(n):
        page.keyboard.press("Tab")
        found.append(page.evaluate(f"(at => {told})(document.activeElement)"))
    return found


def test_long_texts_have_the_whole_width_of_a_telephone(opened: Open, site: Site) -> None:
    assert width(opened(site.champion(base="/cxr")), "td.wide-cell") > 300
    page = opened(compared(site))
    assert width(page, "td.wide-cell") > 300
    assert width(page, ".side td[data-label]:not(.wide-cell)") > 140
    assert width(page, ".versus-runs .range") > 60
    page = opened(site.of_run.page("going-on", base="/cxr"))
    assert width(page, "td.says:has(> span:not(:empty))") > 180


def test_name_of_a_run_stands_beside_its_box(opened: Open, site: Site) -> None:
    page = opened(all_runs(site))
    row = page.locator(".runs tbody tr:has(input)").first
    name, box = (row.locator(each).bounding_box() for each in ("th a >> nth=0", "input"))
    assert name
    assert box
    assert abs(name["y"] - box["y"]) < 12
    button = page.get_by_role("button", name="Compare the chosen")
    page.locator(".runs tbody tr").last.scroll_into_view_if_needed()
    seen = button.bounding_box()
    assert seen
    assert 0 <= seen["y"] < 60


def test_interval_of_a_figure_is_read_without_pointing(opened: Open, site: Site) -> None:
    page = opened(all_runs(site), SCREEN)
    cell = page.locator(".runs td.recommended").first
    assert cell.inner_text().count(" to ") == 2
    around = page.locator(".scroll:has(.runs)")
    assert around.evaluate("at => at.scrollWidth <= at.clientWidth")


@pytest.mark.parametrize("ask", [all_runs, compared])
def test_keys_pass_by_a_head_that_is_not_seen(
    opened: Open, site: Site, ask: Callable[[Site], Answer]
) -> None:
    answer = ask(site)
    head = "!!at.closest('thead')"
    assert any(focused(opened(answer, SCREEN), 60, head))
    assert not any(focused(opened(answer), 60, head))


@pytest.mark.parametrize("size", [SCREEN, TELEPHONE])
def test_focused_field_is_not_under_the_bar_that_starts(
    opened: Open, site: Site, size: tuple[int, int]
) -> None:
    form = site.of_run.again("one", base="/cxr", may_start=True, paused=True)
    page = opened(form, size)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    covered = (
        "at.closest('details') && at.getBoundingClientRect().bottom > "
        "document.querySelector('.send').getBoundingClientRect().top"
    )
    said = focused(page, 90, covered)
    assert said.count(False) > 50
    assert said.count(True) == 0


def test_name_of_a_group_of_boxes_stands_below_the_line(opened: Open, site: Site) -> None:
    page = opened(site.of_run.again("one", base="/cxr", may_start=True, paused=False))
    group, name = (
        page.locator(each).first.bounding_box() for each in ("fieldset.field", "fieldset legend")
    )
    assert group
    assert name
    assert name["y"] > group["y"] + 6


def test_figure_of_all_has_room_beside_its_bar(opened: Open, site: Site) -> None:
    page = opened(compared(site), SCREEN)
    number = page.locator(".versus-runs .figure > b").first
    number.evaluate("at => { at.textContent = '100.0\\u00a0%' }")
    assert number.evaluate("at => at.scrollWidth <= at.clientWidth")


def test_text_in_charts_can_be_read_on_a_telephone(opened: Open, site: Site) -> None:
    page = opened(site.of_run.page("going-on", base="/cxr"))
    sizes = page.locator(".line-chart text").evaluate_all(
        "all => all.map(at => parseFloat(getComputedStyle(at).fontSize) * at.getScreenCTM().a)"
    )
    assert min(sizes) >= 10


def test_what_is_folded_is_read_on_paper_and_nothing_to_press_is_there(
    opened: Open, site: Site
) -> None:
    form = opened(site.of_run.again("one", base="/cxr", may_start=True, paused=False), SCREEN)
    form.emulate_media(media="print")
    fields = form.locator(".again .field")
    assert fields.count() > 40
    assert all(field.bounding_box() for field in fields.all())
    assert not form.locator(".send").is_visible()
    runs = opened(all_runs(site), SCREEN)
    runs.emulate_media(media="print")
    assert runs.locator(".trend").first.is_visible()
    assert not any(runs.locator(f"{each} >> visible=true").count() for each in ("input", ".sorts"))


def test_tables_stay_on_the_paper(opened: Open, site: Site) -> None:
    sheet = (1032, 700)  # A4 landscape less its margins, in CSS pixels
    for answer in (all_runs(site), compared(site)):
        page = opened(answer, sheet)
        page.emulate_media(media="print")
        for table in page.locator("table").all():
            assert table.evaluate("at => at.scrollWidth <= at.parentElement.clientWidth")
