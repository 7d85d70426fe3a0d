"""The report's page by itself, as a person opens the file: by pointer, by keys, without script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cxr_tasks.variants import VARIANTS
from tests.drawing import Drawing
from tests.reporting.made_report import Made, make

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's own pipes
]
NAMES = list(VARIANTS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("page"), Drawing(n_images=140))


@pytest.fixture
def opened(chromium: Browser, made: Made) -> Iterator[Page]:
    """Open the file; a script that fails, or that the page's own policy refuses, fails the test."""
    page = chromium.new_page(viewport={"width": 1180, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((made.run.report / "index.html").as_uri())
    yield page
    page.close()
    assert said == []


def part(page: Page, name: str) -> str:
    return page.locator(f"[data-part={name}]").inner_text()


def test_cutoff_moves_figures_counts_and_the_point(opened: Page, made: Made) -> None:
    cells = made.report.trained[NAMES[1]].measured[made.report.basis].confusion
    opened.locator(f"input[name=cutoff-variant][value={NAMES[1]}]").check()
    assert part(opened, "tp").split()[0] == str(cells.true_positive)
    dot = opened.locator("[data-part=dot]")
    before = dot.get_attribute("cx"), dot.get_attribute("cy")
    opened.locator("[data-part=cutoff-field]").fill("0")
    assert (part(opened, "sensitivity"), part(opened, "specificity")) == (
        "100.0\N{NO-BREAK SPACE}%",
        "0.0\N{NO-BREAK SPACE}%",
    )
    assert opened.locator("#cutoff-slider").input_value() == "0"
    assert (dot.get_attribute("cx"), dot.get_attribute("cy")) == ("100", "0")
    opened.get_by_role("button", name="Back to 0.5").click()
    assert (dot.get_attribute("cx"), dot.get_attribute("cy")) == before


def test_cutoff_and_prevalence_go_by_arrow_keys(opened: Page) -> None:
    opened.locator("#cutoff-slider").press("ArrowRight")
    assert opened.locator("[data-part=cutoff-field]").input_value() == "0.501"
    ppv, sensitivity = part(opened, "ppv"), part(opened, "sensitivity")
    opened.locator("[data-part=prevalence-field]").fill("60")
    assert part(opened, "ppv") != ppv
    assert part(opened, "sensitivity") == sensitivity
    opened.locator("[data-part=prevalence-field]").fill("-3")
    assert opened.locator("#prevalence-slider").input_value() == "60"


def test_chart_answers_pointer_and_keys(opened: Page) -> None:
    chart = opened.locator("#curves svg.chart").first
    chart.hover()
    expect(opened.locator(".tip")).to_contain_text("epoch")
    opened.mouse.move(0, 0)
    expect(opened.locator(".tip")).to_have_count(0)
    chart.press("End")
    expect(opened.locator(".tip")).to_contain_text("epoch 12")
    expect(opened.locator("[aria-live].hidden")).to_contain_text("validation")
    chart.press("ArrowLeft")
    expect(opened.locator(".tip")).to_contain_text("epoch 11")
    chart.press("Escape")
    expect(opened.locator(".tip")).to_have_count(0)


def test_table_is_sorted_by_its_headings(opened: Page) -> None:
    table = opened.locator("#cost table.sortable")
    heading = table.get_by_role("columnheader", name="Training")
    before = table.locator("tbody th").all_inner_texts()
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    texts = table.locator("td[data-label=Training]").all_inner_texts()
    seconds = [float(text.split()[0]) for text in texts]
    assert seconds == sorted(seconds)
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    heading.get_by_role("button").click()
    assert table.locator("tbody th").all_inner_texts() == before


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a report in which the first variant has no figures."""
    made = make(tmp_path_factory.mktemp("unfinished"), Drawing(n_images=60, failed=NAMES[:1]))
    return made.run.report / "index.html"


def titles_in(table: Locator) -> list[str]:
    return table.locator("tbody th").all_inner_texts()


def test_variants_are_compared_in_the_order_of_a_figure(opened: Page, made: Made) -> None:
    facts = made.report.trained.values()
    for column, figure in {
        "Training": lambda each: each.total_seconds,
        "95 % interval": lambda each: each.headline.roc_auc.value,
    }.items():
        opened.locator("#result").get_by_role("button", name=column).click()
        in_order = [each.title for each in sorted(facts, key=figure)]
        assert titles_in(opened.locator("#result table")) == in_order


@pytest.mark.parametrize("section", ["result", "pairs", "audit", "metrics", "cutoff", "cost"])
def test_every_heading_of_a_comparison_sorts(opened: Page, section: str) -> None:
    for table in opened.locator(f"#{section} table.stack").all():
        headings = table.locator("thead th:not(.axis)")
        expect(headings.locator("button")).to_have_count(headings.count())
        assert titles_in(table)
    expect(opened.locator("th.axis button")).to_have_count(0)


@pytest.mark.parametrize("times", [1, 2])
def test_a_variant_without_figures_is_sorted_last(
    chromium: Browser, unfinished: Path, times: int
) -> None:
    page = chromium.new_page()
    page.goto(unfinished.as_uri())
    for _ in range(times):
        page.locator("#metrics").get_by_role("button", name="Accuracy").first.click()
    assert titles_in(page.locator("#metrics table").first)[-1] == VARIANTS[NAMES[0]].title
    page.close()


def test_choice_sorts_where_a_telephone_hides_the_headings(opened: Page, made: Made) -> None:
    choice = opened.locator("#result").get_by_label("Sort by")
    expect(choice).to_be_hidden()
    opened.set_viewport_size({"width": 390, "height": 800})
    before = titles_in(opened.locator("#result table"))
    choice.select_option(label="Training, descending")
    slowest = sorted(made.report.trained.values(), key=lambda each: -each.total_seconds)
    assert titles_in(opened.locator("#result table")) == [each.title for each in slowest]
    expect(opened.locator("#result th[aria-sort=descending]")).to_have_text("Training")
    choice.select_option(label="as listed")
    assert titles_in(opened.locator("#result table")) == before


@pytest.mark.parametrize("script", [True, False])
def test_filters_show_the_mistakes_of_one_variant_and_kind(
    chromium: Browser, made: Made, script: bool
) -> None:
    page = chromium.new_page(java_script_enabled=script)
    page.goto((made.run.report / "index.html").as_uri())
    page.locator(f"#by-{NAMES[0]}").check()
    page.locator("#kind-0").check()
    cells = made.report.trained[NAMES[0]].measured[made.report.basis].confusion
    expect(page.locator(".wrong .tile:visible")).to_have_count(cells.false_positive)
    [count] = page.locator(".counts p:visible").all_inner_texts()
    n_normal = cells.false_positive + cells.true_negative
    assert count.startswith(f"{cells.false_positive} of {n_normal} normal test images")
    page.close()


def test_image_is_enlarged_by_keys_alone_and_focus_returns(opened: Page) -> None:
    first = opened.locator(".wrong .enlarge").first
    first.focus()
    first.press("Enter")
    dialog = opened.get_by_role("dialog")
    expect(dialog).to_be_visible()
    shown = dialog.locator("h2").inner_text()
    assert shown.startswith(("COVID/", "NORMAL/"))
    expect(dialog.locator(".calls li:visible")).to_have_count(len(NAMES))
    opened.keyboard.press("ArrowRight")
    expect(dialog.locator("h2")).not_to_have_text(shown)
    opened.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opened.locator(".wrong .enlarge").nth(1)).to_be_focused()


def test_map_stands_beside_the_image_with_its_scale(opened: Page) -> None:
    tile = opened.locator(".wrong .tile:has(.map image)").first
    tile.locator(".enlarge").click()
    dialog = opened.get_by_role("dialog")
    expect(dialog.locator(".map image").first).to_be_visible()
    expect(dialog.locator(".scale")).to_contain_text("share of the map's maximum")
    plain, with_map = (dialog.locator(".view svg").nth(place).bounding_box() for place in (0, 1))
    assert plain
    assert with_map
    assert (plain["y"], plain["width"]) == (with_map["y"], with_map["width"])


def test_without_script_no_control_is_dead(chromium: Browser, made: Made) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto((made.run.report / "index.html").as_uri())
    expect(page.locator("select")).to_have_count(0)
    expect(page.locator("#cutoff-panel")).to_be_hidden()
    expect(page.locator("#cutoff table").last).to_be_visible()
    expect(page.locator("button:visible")).to_have_count(0)
    expect(page.locator(".wrong .calls").first.locator("li:visible")).to_have_count(len(NAMES))
    page.close()


def test_page_is_no_wider_than_a_telephone(chromium: Browser, made: Made) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto((made.run.report / "index.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_text_in_charts_can_be_read_on_a_telephone(chromium: Browser, made: Made) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto((made.run.report / "index.html").as_uri())
    sizes = page.locator(".chart text:visible").evaluate_all(
        "all => all.map(at => [at.getScreenCTM(), parseFloat(getComputedStyle(at).fontSize)])"
        ".map(([to, size]) => size * Math.hypot(to.a, to.b))"
    )
    assert len(sizes) > 50
    assert min(sizes) >= 10
    page.close()


def test_link_to_the_checklist_unfolds_it(opened: Page) -> None:
    table = opened.locator("#checklist table")
    expect(table).to_be_hidden()
    opened.locator("#result ~ .links").get_by_role("link", name="checklist").click()
    expect(table).to_be_visible()
    opened.get_by_role("link", name="Differences").click()
    expect(opened.locator("#pairs details table")).to_be_hidden()


def test_auc_stands_below_the_accuracy_where_there_is_room_for_both(
    chromium: Browser, tmp_path: Path
) -> None:
    made = make(tmp_path, Drawing(skipped=NAMES[2:]))
    page = chromium.new_page(viewport={"width": 1180, "height": 900})
    page.goto((made.run.report / "index.html").as_uri())
    cell = page.locator("#pairs .versus td:not(.none):has(b)")
    accuracy, auc = (cell.locator(each).bounding_box() for each in ("b", "span"))
    assert accuracy
    assert auc
    assert auc["y"] >= accuracy["y"] + accuracy["height"] - 2
    page.close()


def test_first_screen_holds_verdict_result_and_what_it_is_no_device_for(opened: Page) -> None:
    opened.set_viewport_size({"width": 1440, "height": 900})
    for place in (".verdict", "#result tbody tr:last-child", ".notes strong"):
        box = opened.locator(place).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
