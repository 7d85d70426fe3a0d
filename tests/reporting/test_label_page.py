"""The page of labels, what stands above the verdict, and the same in the terminal."""

import shlex
import subprocess
from pathlib import Path

import pytest

from cxr_tasks.data.label_decisions import LabelDecision
from cxr_tasks.data.relabelling import Decided
from cxr_tasks.flow.equal_run import find_equal_run
from cxr_tasks.reporting import label_page
from cxr_tasks.reporting.label_page import CLEAN_SETS, in_shell
from cxr_tasks.reporting.last_screen import last_screen
from cxr_tasks.reporting.report import make_report
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.reporting.run_summary import about_decisions
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from tests.drawing import FINGERPRINT, HOSTILE_NAMES, Drawing
from tests.drawn_run import draw_run, finish_report
from tests.odd_names import ODD_NAMES
from tests.policy import refused_scripts
from tests.reporting.made_report import Made, Parsed, make

ROOT = Path(__file__).parents[2]
STRENGTHS = dict.fromkeys(VARIANTS, 1.0)
OTHER = "ab" * 32
SCREEN = {"width": 80, "report_file": "runs/x/report/index.html", "with_make": False}


def decided(kind: str, name: str = "image-001.png", by: str = "Ann") -> Decided:
    return Decided(LabelDecision(f"COVID/COVID/{name}", kind, by, "2026-01-31", "seen"), 1)


def labels_page(made: Made) -> Parsed:
    return Parsed(made_page(made))


def made_page(made: Made) -> str:
    return (made.run.report / "labels.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Weak models, hostile names, and one label that somebody has kept."""
    drawing = Drawing(
        n_images=120,
        n_folds=3,
        synthetic=False,
        strengths=STRENGTHS,
        names=HOSTILE_NAMES,
        decided=[decided("keep", "image-005.png")],
    )
    return make(tmp_path_factory.mktemp("doubtful"), drawing)


def test_suspects_are_shown_with_commands_that_can_be_copied(doubtful: Made) -> None:
    page, facts = labels_page(doubtful), doubtful.report.label_suspects
    assert facts is not None
    assert facts.n_suspects > 0
    assert page.open == []
    n_shown = len(page.attributes("img"))
    assert facts.n_suspects < n_shown <= label_page.MAX_PICTURES
    commands = [line for line in page.text.splitlines() if line.startswith("python -m cxr_tasks")]
    assert len(commands) == 3 * n_shown
    words = shlex.split(commands[0])
    assert words[3:6] == ["label", "--run", "drawn"]
    assert words[-5:] == ["--keep", "--by", "YOUR NAME", "--file", "label_decisions.csv"]
    assert all(
        f"{facts.n_suspects} of 120 labels look wrong" in text
        for text in (page.text, doubtful.page)
    )
    assert "Somebody has decided about these" in page.text
    assert "kept by Ann, 2026-01-31" in page.text


def test_page_is_self_contained_and_leads_back(doubtful: Made) -> None:
    page = labels_page(doubtful)
    links = [attrs["href"] for attrs in page.attributes("a")]
    assert links == ["index.html"]
    assert refused_scripts(made_page(doubtful)) == []
    assert not {"link", "iframe"} & {tag for tag, _ in page.tags}
    assert all(
        (image["src"] or "").startswith("data:image/jpeg") for image in page.attributes("img")
    )
    assert [a["href"] for a in doubtful.parsed.attributes("a")].count("labels.html") == 1


def test_a_report_without_suspects_has_no_line_about_them(tmp_path: Path) -> None:
    made = make(tmp_path, Drawing(n_images=48, strengths=dict.fromkeys(VARIANTS, 20.0)))
    assert made.report.label_suspects is not None
    assert made.report.label_suspects.n_suspects == 0
    assert "labels.html" not in made.page
    assert "Labels:" not in last_screen(made.report, **SCREEN)  # type: ignore[arg-type]
    assert "No label of 48 images looks wrong" in labels_page(made).text


def test_where_nothing_beats_chance_the_page_says_so(tmp_path: Path) -> None:
    made = make(tmp_path, Drawing(n_images=48, strengths=dict.fromkeys(VARIANTS, 0.0)))
    assert "Nothing was ranked" in labels_page(made).text


def test_terminal_names_the_page(doubtful: Made) -> None:
    lines = last_screen(doubtful.report, **SCREEN).splitlines()  # type: ignore[arg-type]
    at = next(n for n, line in enumerate(lines) if line.startswith("Labels: "))
    assert lines[at + 1] == "  runs/x/report/labels.html"


def test_no_more_than_so_many_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_page, "MAX_PICTURES", 3)
    run, config = draw_run(tmp_path, Drawing(n_images=120, n_folds=3, strengths=STRENGTHS))
    built = tmp_path / "built"
    built.mkdir()
    make_report(run, config, built)
    page = Parsed((built / "labels.html").read_text(encoding="utf-8"))
    assert len(page.attributes("img")) == 3
    assert "images, 3 shown" in page.text
    assert "images, none shown" in page.text


@pytest.mark.parametrize("name", ["plain.png", "it's \\ odd\té\n.png", *ODD_NAMES])
def test_bash_reads_a_quoted_path_as_it_is(name: str) -> None:
    word = in_shell(name)
    assert word.isprintable()
    script = f"printf %s {word}"
    environ = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, env=environ, check=True)
    assert done.stdout.decode() == name


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """A run with decisions, whose equal without them is not on the volume."""
    root = tmp_path_factory.mktemp("changed")
    drawing = Drawing(
        n_images=48,
        fingerprint=OTHER,
        decided=[decided("flip"), decided("flip", "b", "Bo"), decided("exclude", "c")],
    )
    return root, make(root, drawing, label_decisions=str(ROOT / "README.md"))


SAID = (
    "Labels decided by people: 2 labels were changed and 1 image left out by decisions of Ann, Bo "
    "(README.md)."
)


def test_decisions_stand_above_the_verdict_on_page_and_terminal(changed: tuple[Path, Made]) -> None:
    _, made = changed
    report = made.report.label_decisions
    assert report is not None
    assert (report.n_changed, report.n_left_out, report.without) == (2, 1, None)
    screen = " ".join(last_screen(made.report, **SCREEN).split())  # type: ignore[arg-type]
    for text in (" ".join(made.parsed.text.split()), screen):
        assert text.count(SAID) == 1
        assert text.index(SAID) < text.index("Verdict: ")
        assert report.command in text
    assert "label-decisions" not in report.command
    card = (made.run.report / "model_card.md").read_text().replace("\\", "")
    assert "2 labels were changed and 1 image left out by decisions of Ann, Bo" in card
    assert "Nothing here says that they are right" in card
    assert SAID in " ".join(labels_page(made).text.split())


def test_the_verdict_without_them_stands_beside_where_such_a_run_is(tmp_path: Path) -> None:
    before, config = draw_run(tmp_path, Drawing(n_images=48), key="before")
    finish_report(before, config)
    drawing = Drawing(n_images=48, fingerprint=OTHER, decided=[decided("flip")])
    run, config = draw_run(tmp_path, drawing, label_decisions=str(ROOT / "README.md"))
    built = tmp_path / "built"
    built.mkdir()
    report = make_report(run, config, built, find_equal=find_equal_run)
    assert report.label_decisions is not None
    assert report.label_decisions.dataset_before == FINGERPRINT
    found = report.label_decisions.without
    assert found is not None
    assert (found.run_key, found.verdict) == ("before", "shortcut")
    screen = " ".join(last_screen(report, **SCREEN).split())  # type: ignore[arg-type]
    assert "Without them, run before: shortcut, AUC " in screen
    assert report.label_decisions.command not in screen
    assert "Without them, run before" in (built / "index.html").read_text()


def test_labels_that_were_only_looked_at_are_no_matter_above_the_verdict(doubtful: Made) -> None:
    assert doubtful.report.label_decisions is not None
    assert doubtful.report.label_decisions.n_kept == 1
    assert about_decisions(doubtful.report) == ""
    assert 'class="decided"' not in doubtful.page


def test_a_report_of_an_older_version_reads() -> None:
    path = ROOT / "tests" / "record_examples" / "3" / "report.json"
    content = read_json(path)
    del content["label_suspects"], content["label_decisions"]
    report = ReportFigures.model_validate(content)
    assert (report.label_suspects, report.label_decisions) == (None, None)
    assert "Labels:" not in last_screen(report, **SCREEN)  # type: ignore[arg-type]


def test_the_page_says_what_was_measured_on_clean_sets() -> None:
    measured = read_json(ROOT / "bench" / "label_errors.json")["difficulties"]
    for name in ("easy", "hard"):
        found = measured[name]["160"]
        assert f"{found['auc']['mean']:.2f}" in CLEAN_SETS
        assert f"{found['suspects_of_a_clean_set_fraction']['mean'] * 100:.0f} %" in CLEAN_SETS
