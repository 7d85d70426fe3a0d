"""What a person does in Airflow's UI, from the form to the report, in a real browser."""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cxr_tasks.settings import SETTINGS
from tests.browser.conftest import WAIT_MS
from tests.dags.standalone import Ui
from tests.site.shelf import BEGAN, put_run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's own pipes
]
expect.set_options(timeout=WAIT_MS)

RUN, OTHER = "by-hand", "earlier"
TRAINED, LEFT_OUT = (
    "mobilenetv2_frozen",
    ("vanilla_cnn", "mobilenetv2_partial", "mobilenetv2_unfrozen"),
)
_RUN_MINUTES = 10
SECTIONS = tuple(dict.fromkeys(setting.section for setting in SETTINGS.values()))


COVERED = """region => {
  const covered = [];
  const hides = (over, text) => {
    for (; over && !over.contains(text); over = over.parentElement) {
      const { backgroundColor, opacity } = getComputedStyle(over);
      const clear = /^(transparent|rgba\\(.*, 0\\))$/.test(backgroundColor) || opacity === "0";
      if (!clear) return true;
    }
    return false;
  };
  const texts = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNode(texts.currentNode);
    texts.currentNode.parentElement.scrollIntoView({ block: "center" });
    for (const { left, top, width, height } of range.getClientRects()) {
      for (let x = left + 2; x < left + width; x += 6) {
        const over = document.elementFromPoint(x, top + height * 0.7);
        if (hides(over, texts.currentNode))
          covered.push(texts.currentNode.data.slice(0, 60));
      }
    }
  }
  return [...new Set(covered)];
}"""
"""The texts of a section that something else lies over."""


@pytest.fixture(scope="module")
def run_address(page: Page, ui: Ui, screenshots: Path) -> str:
    """Trigger a small run by the form, and wait until it has succeeded; give its page."""
    form = open_form(page, ui)
    open_section(form, "Run")
    form.locator("#element_run").fill(RUN)
    for name in LEFT_OUT:
        form.locator(f'[aria-label="Remove {name}"]').click()
    open_section(form, "Data")
    number(form, "phantom_images").fill("24")
    open_section(form, "Training")
    number(form, "epochs").fill("1")
    form.locator("#element_weights").fill("random")
    page.screenshot(path=screenshots / "form-filled.png")
    form.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url("**/runs/manual__**")
    address = page.url.split("?")[0]
    open_tab(page, address)
    expect(frame(page).get_by_text("is under way").first).to_be_visible()
    page.screenshot(path=screenshots / "tab-under-way.png")
    watch(page, screenshots)
    wait_for_success(page, address)
    return address


def watch(page: Page, screenshots: Path) -> None:
    """Look at the open tab, without loading it anew, until the report has taken its place."""
    minutes = _RUN_MINUTES * 60_000
    tasks = frame(page).locator(".tasks")
    expect(tasks.locator("#task-ingest .state")).to_have_text("done", timeout=minutes)
    training = tasks.locator(f"#task-train-{TRAINED}")
    expect(training.locator(".state")).to_have_text("done", timeout=minutes)
    expect(frame(page).locator(f"#curves-{TRAINED} svg")).to_have_count(2)
    expect(tasks.locator("#task-train-vanilla_cnn .state")).to_have_text("not selected")
    page.screenshot(path=screenshots / "tab-watched.png")
    heading = frame(page).get_by_role("heading", level=1)
    expect(heading).to_contain_text("Chest X-ray classifiers", timeout=minutes)


def open_form(page: Page, ui: Ui) -> Locator:
    page.goto(f"{ui.address}/dags/cxr_pipeline")
    page.get_by_role("button", name="Trigger").click()
    form = page.get_by_role("dialog").filter(has_text="Trigger Dag")
    form.get_by_role("button", name="Trigger", exact=True).wait_for()
    return form


def open_section(form: Locator, name: str) -> None:
    form.get_by_role("button", name=name, exact=True).click()


def check_uncovered(section: Locator) -> None:
    """Check that nothing lies over a section's texts, once it has opened to its full height."""
    for _ in range(20):
        covered = section.evaluate(COVERED)
        if not covered:
            break
        section.page.wait_for_timeout(500)
    assert covered == []


def number(form: Locator, setting: str) -> Locator:
    return form.locator(f"[name=element_{setting}]")


def frame(page: Page) -> Locator:
    return page.frame_locator("iframe").locator("body")


def open_tab(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Report", exact=True).click()


def wait_for_success(page: Page, address: str) -> None:
    run_id = address.rsplit("/", 1)[1]
    origin = address.split("/dags/")[0]
    for _ in range(_RUN_MINUTES * 30):
        answer = page.request.get(f"{origin}/api/v2/dags/cxr_pipeline/dagRuns/{run_id}").json()
        if answer["state"] in ("success", "failed"):
            break
        page.wait_for_timeout(2_000)
    assert answer["state"] == "success"


def test_the_form_can_be_sent_as_it_is_opened(page: Page, ui: Ui, screenshots: Path) -> None:
    form = open_form(page, ui)
    expect(form.get_by_role("button", name="Trigger", exact=True)).to_be_enabled()
    page.screenshot(path=screenshots / "form.png")


def test_the_form_shows_every_setting_with_its_help(page: Page, ui: Ui, screenshots: Path) -> None:
    form = open_form(page, ui)
    for section in SECTIONS:
        open_section(form, section)
        shown = form.get_by_role("region", name=section)
        for setting in SETTINGS.values():
            if setting.section == section:
                expect(shown).to_contain_text(setting.title)
                expect(shown).to_contain_text(setting.help.replace("`", ""))
        check_uncovered(shown)
        page.screenshot(path=screenshots / f"form-{section.lower()}.png")


@pytest.mark.parametrize(("width", "height"), [(1000, 700), (390, 844)])
def test_nothing_covers_the_help_in_a_small_window(
    page: Page, ui: Ui, screenshots: Path, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    form = open_form(page, ui)
    for section in SECTIONS:
        open_section(form, section)
        shown = form.get_by_role("region", name=section)
        expect(shown).to_be_visible()
        check_uncovered(shown)
        page.screenshot(path=screenshots / f"form-{width}-{section.lower()}.png")
    page.set_viewport_size({"width": 1360, "height": 1000})


def test_a_wrong_value_cannot_be_sent(page: Page, ui: Ui, screenshots: Path) -> None:
    form = open_form(page, ui)
    open_section(form, "Data")
    number(form, "phantom_images").fill("")
    number(form, "max_rejected_fraction").click()
    expect(form.get_by_role("button", name="Trigger", exact=True)).to_be_disabled()
    page.screenshot(path=screenshots / "form-refused.png")


@pytest.mark.parametrize(
    ("section", "setting", "typed"),
    [
        ("Evaluation", "prevalence", "1.5"),
        ("Data", "phantom_images", "3"),
        ("Training", "folds", "99"),
    ],
)
def test_the_form_leaves_a_number_as_it_was_typed(
    page: Page, ui: Ui, section: str, setting: str, typed: str
) -> None:
    form = open_form(page, ui)
    open_section(form, section)
    number(form, setting).fill(typed)
    number(form, setting).blur()
    expect(number(form, setting)).to_have_value(typed)


@pytest.mark.parametrize(
    "conf", [{"epochs": 2.5}, {"variants": ["resnet"]}, {"profile": "best"}, {"seed": "many"}]
)
def test_a_wrong_value_is_refused_by_the_server(
    page: Page, ui: Ui, conf: dict[str, object]
) -> None:
    runs = f"{ui.address}/api/v2/dags/cxr_pipeline/dagRuns"
    answer = page.request.post(runs, data={"logical_date": None, "conf": conf})
    assert answer.status == 400
    assert next(iter(conf)) in answer.text()


def test_the_tab_shows_the_report(page: Page, run_address: str, screenshots: Path) -> None:
    open_tab(page, run_address)
    heading = frame(page).get_by_role("heading", level=1)
    expect(heading).to_have_text("Chest X-ray classifiers: COVID-19 against normal")
    expect(frame(page).get_by_text(RUN, exact=True).first).to_be_visible()
    page.screenshot(path=screenshots / "tab.png")


@pytest.mark.parametrize("task", [f"train.{TRAINED}", "report"])
def test_a_task_links_to_the_report(
    page: Page, run_address: str, screenshots: Path, task: str
) -> None:
    page.goto(f"{run_address}/tasks/{task}/details")
    link = page.locator('a[href$="/plugin/cxr_report"]', has_text="Report").last
    expect(link).to_be_visible()
    page.screenshot(path=screenshots / f"link-{task}.png")
    link.click()
    expect(frame(page).get_by_role("heading", level=1)).to_contain_text("Chest X-ray classifiers")


def test_a_run_is_started_again_from_its_tab(
    page: Page, run_address: str, screenshots: Path
) -> None:
    page.goto(f"{run_address}/tasks/report/details")
    page.get_by_role("link", name="Run again with changes").click()
    form = frame(page).locator("form")
    expect(frame(page).get_by_label("Maximum epochs")).to_have_value("1")
    form.locator("#phantom_images").fill("many")
    form.get_by_role("button", name="Start this run").click()
    alert = frame(page).get_by_role("alert")
    expect(alert).to_contain_text("phantom_images='many' is not possible.")
    page.screenshot(path=screenshots / "again-refused.png")
    expect(frame(page).get_by_label("Maximum epochs")).to_have_value("1")
    frame(page).locator("#phantom_images").fill("26")
    frame(page).locator("#run").fill("changed")
    page.screenshot(path=screenshots / "again.png")
    frame(page).get_by_role("button", name="Start this run").click()
    expect(frame(page).get_by_role("heading", level=1)).to_contain_text("changed is under way")


def test_the_dags_are_listed_with_what_they_are_for(page: Page, ui: Ui, screenshots: Path) -> None:
    page.goto(f"{ui.address}/dags")
    page.get_by_role("link", name="cxr_score").hover()
    expect(page.get_by_text("Scores new images with the champion")).to_be_visible()
    page.screenshot(path=screenshots / "dags.png")


@pytest.mark.usefixtures("run_address")
def test_all_runs_are_listed_and_two_compared(page: Page, ui: Ui, screenshots: Path) -> None:
    put_run(ui.home, ui.home.run(RUN), OTHER, began=BEGAN)
    page.goto(ui.address)
    page.get_by_role("link", name="CXR reports").click()
    body = frame(page)
    row = body.get_by_role("row").filter(has=page.get_by_role("link", name=RUN, exact=True))
    expect(row.get_by_text("synthetic", exact=True)).to_be_visible()
    expect(row.get_by_text("random weights", exact=True)).to_be_visible()
    page.screenshot(path=screenshots / "runs.png")
    body.get_by_role("link", name="Duration").click()
    expect(body.get_by_role("columnheader", name="Duration")).to_have_attribute(
        "aria-sort", "descending"
    )
    body.get_by_role("checkbox", name=f"Compare {OTHER}").check()
    body.get_by_role("checkbox", name=f"Compare {RUN}", exact=True).check()
    body.get_by_role("button", name="Compare the chosen").click()
    expect(body.get_by_role("heading", level=1)).to_have_text("Two runs side by side")
    expect(body.get_by_text("scored on the same test images of the same data")).to_be_visible()
    page.screenshot(path=screenshots / "compare.png")
    body.get_by_role("link", name=RUN, exact=True).first.click()
    expect(body.get_by_role("heading", level=1)).to_contain_text("Chest X-ray classifiers")


@pytest.mark.usefixtures("run_address")
def test_a_note_is_written_inside_airflow_and_found_again(
    page: Page, ui: Ui, screenshots: Path
) -> None:
    page.goto(ui.address)
    page.get_by_role("link", name="CXR reports").click()
    body = frame(page)
    body.get_by_role("link", name=f"Add a note to {RUN}", exact=True).click()
    body.get_by_label("Tags").fill("baseline ticket-4")
    body.get_by_label("Note", exact=True).fill("Agreed with Ann.")
    body.get_by_role("button", name="Save").click()
    expect(body.get_by_text(", through Airflow")).to_be_visible()
    page.screenshot(path=screenshots / "note.png")
    body.get_by_role("link", name="ticket-4").click()
    expect(body.get_by_role("heading", name="Runs that match")).to_be_visible()
    expect(body.get_by_text("Agreed with Ann.")).to_be_visible()
    with page.expect_download() as saved:
        body.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename == "runs.csv"


@pytest.mark.usefixtures("run_address")
@pytest.mark.parametrize(("width", "scheme"), [(1360, "light"), (1360, "dark"), (400, "light")])
def test_the_page_of_runs_fits_its_window(
    chromium: Browser, page: Page, ui: Ui, screenshots: Path, width: int, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        storage_state=page.context.storage_state(),
    )
    window = context.new_page()
    window.goto(f"{ui.address}/cxr/runs")
    expect(window.get_by_role("link", name=RUN, exact=True).first).to_be_visible()
    window.screenshot(path=screenshots / f"runs-{width}-{scheme}.png", full_page=True)
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_tab_of_an_unknown_run_is_kind(page: Page, ui: Ui) -> None:
    answer = page.goto(f"{ui.address}/cxr/cxr_pipeline/{quote('manual__never')}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="No such run")).to_be_visible()


def test_the_dags_documentation_can_be_read(page: Page, ui: Ui, screenshots: Path) -> None:
    page.goto(f"{ui.address}/dags/cxr_pipeline")
    page.get_by_role("button", name="Dag Docs").click()
    expect(page.get_by_role("dialog").get_by_text("no medical device")).to_be_visible()
    page.screenshot(path=screenshots / "documentation.png", animations="disabled")


def test_a_stranger_is_sent_away(chromium: Browser, ui: Ui) -> None:
    context = chromium.new_context()
    answer = context.new_page().goto(f"{ui.address}/cxr/runs")
    assert answer is not None
    assert answer.status == 401
    context.close()
