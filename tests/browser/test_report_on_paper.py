"""The report as it is printed: how many pages, and what stands together on one."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from cxr_tasks.evaluation.subgroups import Scored, make_subgroups
from cxr_tasks.evaluation.subgroups_record import SubgroupsFacts
from cxr_tasks.reporting.artifacts import read_artifacts
from cxr_tasks.reporting.facts import report_facts
from cxr_tasks.reporting.report import render_page
from cxr_tasks.reporting.wrong_images import N_ON_PAPER
from cxr_tasks.statistics.learning_curve import learning_curve
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.statistics.scores import ScoredImages
from cxr_tasks.variants import VARIANTS
from tests.drawing import Drawing
from tests.drawn_run import draw_run
from tests.reporting.made_report import make

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's own pipes
]
NAMES = list(VARIANTS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make(tmp_path_factory.mktemp("plain"), Drawing(n_images=140))
    return made.run.report / "index.html"


@pytest.fixture(scope="module")
def fullest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a report that has every section that a run of four variants can have, but drift."""
    root = tmp_path_factory.mktemp("fullest")
    drawing = Drawing(
        n_images=140, n_folds=5, synthetic=False, external=True, weights_origin="file"
    )
    artifacts = read_artifacts(*draw_run(root, drawing))
    report = report_facts(artifacts, find_equal=lambda *_: None)
    audit = report.audit.model_copy(update={"learning_curve": curve()})
    update = {"audit": audit, "subgroups": subgroups()}
    page = root / "index.html"
    page.write_text(
        render_page(artifacts, report.model_copy(update=update)), encoding="utf-8", newline=""
    )
    return page


def subgroups() -> SubgroupsFacts:
    """Measure all variants by five fields; they are worse for men, and for one source."""
    rng = np.random.default_rng(0)
    labels, groups = np.tile([0, 1], 240), np.arange(480)
    men = groups % 4 < 2
    strength = np.where(men, 0.0, 4.0) * (2 * labels - 1)
    scores = 1 / (1 + np.exp(-strength - rng.normal(0, 1, 480)))
    index = pd.DataFrame(
        {
            "sex": np.where(men, "M", "F"),
            "age": rng.integers(20, 90, 480).astype(str),
            "view": np.where(groups % 3 == 0, "AP", "PA"),
            "hospital": np.array(["North", "South", "East"])[groups // 2 % 3],
            "source": np.array(["a", "b"])[groups // 2 % 2],
        }
    )
    scored = {name: ScoredImages(labels, scores, groups) for name in NAMES}
    return make_subgroups(Scored(index, scored, NAMES[1], 0, n_resamples=50))


def curve() -> LearningCurveFacts:
    labels = np.tile([0, 1], 60)
    features = np.random.default_rng(0).normal(0, 1, (120, 20)) + 0.5 * labels[:, None]
    features = (features - features.mean(axis=0)) / np.sqrt(20)
    return learning_curve(features, labels, np.arange(120), seed=0)


def texts_of_pages(page: Page, folder: Path) -> list[str]:
    """Print a page; return what each sheet of paper says."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("no pdftotext on this machine")
    pdf = folder / "paper.pdf"
    pdf.write_bytes(page.pdf(format="A4", print_background=True))
    done = subprocess.run([tool, "-layout", pdf, "-"], capture_output=True, text=True, check=True)
    return done.stdout.split("\f")[:-1]


def pages_with(texts: list[str], said: str) -> list[int]:
    return [number for number, text in enumerate(texts, start=1) if said in text]


@pytest.mark.parametrize("run", ["plain", "fullest"])
def test_on_paper_it_takes_at_most_twelve_pages(
    chromium: Browser, request: pytest.FixtureRequest, run: str
) -> None:
    page = chromium.new_page()
    page.goto(request.getfixturevalue(run).as_uri())
    paper = page.pdf(format="A4", print_background=True)
    page.close()
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 12


@pytest.mark.parametrize("run", ["plain", "fullest"])
def test_on_paper_a_heading_stands_with_what_it_heads(
    chromium: Browser, request: pytest.FixtureRequest, run: str, tmp_path: Path
) -> None:
    page = chromium.new_page()
    page.goto(request.getfixturevalue(run).as_uri())
    texts = texts_of_pages(page, tmp_path)
    names = page.locator(".wrong .tile p .name").all_inner_texts()
    page.close()
    assert pages_with(texts, "ROC curves") == pages_with(texts, "Each curve shows")
    [gallery] = pages_with(texts, "Wrongly classified images")
    on_paper = f"On paper the first {N_ON_PAPER} of them."
    for said in (on_paper, *names[:N_ON_PAPER]):
        assert pages_with(texts, said) == [gallery]
    assert pages_with(texts, names[N_ON_PAPER]) == []


def test_on_paper_a_table_repeats_its_head(
    chromium: Browser, fullest: Path, tmp_path: Path
) -> None:
    page = chromium.new_page()
    page.goto(fullest.as_uri())
    page.add_style_tag(content="@media print { #cutoff tr:nth-child(4) { break-before: page } }")
    texts = texts_of_pages(page, tmp_path)
    page.close()
    heads = [re.findall(r"Cut-off\s+Found\s+False alarms", text) for text in texts]
    assert sum(map(len, heads)) == 2
    assert max(map(len, heads)) == 1


def test_on_paper_the_first_images_of_a_filter_are_shown(chromium: Browser, fullest: Path) -> None:
    page = chromium.new_page()
    page.goto(fullest.as_uri())
    tiles = page.locator(".wrong .tile:visible")
    page.locator("#kind-1").check()
    page.locator(f"#by-{NAMES[0]}").check()
    names = tiles.locator("p .name").all_inner_texts()
    assert len(names) > N_ON_PAPER
    page.emulate_media(media="print")
    assert tiles.locator("p .name").all_inner_texts() == names[:N_ON_PAPER]
    expect(page.locator(".counts .paper-only:visible")).to_have_count(1)
    page.close()
