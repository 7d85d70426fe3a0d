import html
from pathlib import Path

import pytest

from cxr_tasks.champion.scoring.scores_page import moved_probability, summary_lines
from cxr_tasks.volume.paths import Home
from tests.champion.scoring.conftest import Served
from tests.champion.scoring.served import ingest_phantoms, serve_champion
from tests.champion.scoring.test_batch import phantoms, scored
from tests.image_files import make_files
from tests.made_facts import changed
from tests.policy import refused_scripts

SAYINGS = {
    "shortcut": "These scores are no evidence of disease.",
    "warning": "Part of these scores may not be about disease.",
    "clean": "Others are not ruled out",
}


def page_of(home: Home, folder: Path) -> str:
    record, _ = scored(home, folder)
    return (home.scores(record.name) / "index.html").read_text()


@pytest.mark.parametrize("verdict", list(SAYINGS))
def test_warning_and_verdict_stand_before_every_number(
    served: Served, tmp_path: Path, verdict: str
) -> None:
    home = Home(tmp_path / "home")
    serve_champion(home, served.model_file, ingest_phantoms(home), verdict=verdict)
    page = page_of(home, make_files(tmp_path / "new", phantoms(3)))
    notice = page.index("not a medical device. No score on this page may decide")
    synthetic = page.index("trained on synthetic images")
    assert notice < synthetic < page.index(SAYINGS[verdict]) < page.index("Who scores")
    assert f'class="verdict {verdict}"' in page
    for other in set(SAYINGS) - {verdict}:
        assert SAYINGS[other] not in page


def test_page_is_one_file_without_script(served: Served, tmp_path: Path) -> None:
    page = page_of(served.home, make_files(tmp_path, phantoms(3)))
    assert refused_scripts(page) == []
    for outside in ('src="http', 'href="http', "url(http", "@import"):
        assert outside not in page
    assert page.count("data:image/jpeg;base64,") == 3


@pytest.mark.slow
@pytest.mark.parametrize(("n_images", "n_shown"), [(40, 40), (70, 60)])
def test_galleries_show_each_image_once_and_not_all_of_many(
    served: Served, tmp_path: Path, n_images: int, n_shown: int
) -> None:
    page = page_of(served.home, make_files(tmp_path, phantoms(n_images)))
    assert "The 30 with the highest probabilities" in page
    assert ("The 30 nearest to the cut-off" in page) == (n_shown < n_images)
    assert page.count("data:image/jpeg;base64,") == n_shown
    shown = [line for line in page.splitlines() if '<span class="name">' in line]
    assert len(set(shown)) == n_shown


def test_refused_files_are_listed_and_the_rest_counted(served: Served, tmp_path: Path) -> None:
    bad = {f"bad/{k:03}.png": b"no" for k in range(60)}
    page = page_of(served.home, make_files(tmp_path, phantoms(2) | bad))
    assert "The first 50 of 60 refused files" in page
    assert "60&nbsp;&times; not an image" in page
    assert "/bad</code></caption>" in page
    assert "<code>049.png</code>" in page
    assert "050.png" not in page


def test_probabilities_are_said_to_hold_at_a_prevalence(served: Served, tmp_path: Path) -> None:
    page = page_of(served.home, make_files(tmp_path, phantoms(2)))
    assert "calibrated where 50.0\N{NO-BREAK SPACE}% of images are COVID-19" in page
    assert "would be 10.0\N{NO-BREAK SPACE}%" in page


def test_probability_moves_by_bayes_rule() -> None:
    # of 1,000 images 500 are positive, 300 of them look so; 100 of the others do
    assert moved_probability(0.75, prevalence=0.5, to=0.5) == pytest.approx(0.75)
    # with 100 positive ones 60 and 180 look so, with 200 positive ones 120 and 160
    assert moved_probability(0.75, prevalence=0.5, to=0.1) == pytest.approx(60 / 240)
    assert moved_probability(120 / 280, prevalence=0.2, to=0.5) == pytest.approx(0.75)


def test_known_images_are_pointed_out(served: Served, tmp_path: Path) -> None:
    page = page_of(served.home, make_files(tmp_path, phantoms(3, seed=9)))
    assert "own data set, or" not in page
    page = page_of(served.home, make_files(tmp_path / "old", phantoms(24, seed=1)))
    assert "<strong>24 images are in the champion" in page
    assert "own data set, or copies of images there" in page


def test_terminal_says_what_became_of_the_images(served: Served, tmp_path: Path) -> None:
    files = phantoms(4) | {"a.png": b"no", "b.png": b"", "notes.txt": b""}
    record, _ = scored(served.home, make_files(tmp_path, files))
    text = summary_lines(record, Path("/scores/x"))
    lines = {line.split()[0]: " ".join(line.split()) for line in text.splitlines()}
    assert lines["images"] == "images 6"
    assert lines["positive"] == f"positive {record.n_positive} score at least 0.400"
    assert lines["refused"] == "refused 2 1 not an image, 1 empty file"
    assert lines["left"] == "left out 1 .txt"
    assert lines["Table:"] == "Table: /scores/x/scores.csv"
    assert "known" not in lines
    assert "Research software, not a medical device" in text


@pytest.mark.parametrize(
    ("origin", "start"),
    [
        ("phantom", "own weights, pre-trained on this project's synthetic images, not on ImageNet"),
        ("random", "from random weights, without pre-training"),
        ("keras", None),
        ("of a later version", None),
    ],
)
def test_where_the_champions_backbone_started_is_said_where_it_must_be_known(
    served: Served, tmp_path: Path, origin: str, start: str | None
) -> None:
    home = Home(tmp_path / "home")
    serve_champion(home, served.model_file, ingest_phantoms(home), weights_origin=origin)
    record, _ = scored(home, make_files(tmp_path / "new", phantoms(3)))
    page = html.unescape((home.scores(record.name) / "index.html").read_text())
    terminal = " ".join(summary_lines(record, Path("/scores/x")).split())
    for text in (page, terminal):
        assert text.count("Its backbone started") == (1 if start else 0)
        assert start is None or start in text


def test_many_reasons_go_on_below_where_they_began(served: Served, tmp_path: Path) -> None:
    record, _ = scored(served.home, make_files(tmp_path, phantoms(2)))
    reasons = {f"a reason of some length, number {k}": k for k in range(1, 7)}
    text = summary_lines(
        changed(record, {"n_refused": 21, "n_refused_by_reason": reasons}), Path("/s")
    )
    lines = text.splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("  refused   21   "))
    assert lines[place + 1][16] == " " != lines[place + 1][17]
    assert max(map(len, lines)) <= 100
