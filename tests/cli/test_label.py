from pathlib import Path

import pytest

from cxr_tasks.cli.main import main
from cxr_tasks.data.label_decisions import LabelDecision, append_decisions, read_label_decisions
from cxr_tasks.data.relabelling import Decided
from tests.drawing import Drawing
from tests.drawn_run import draw_run

COVID, NORMAL = "COVID/COVID/image-001.png", "NORMAL/NORMAL/image-000.png"
LEFT_OUT = Decided(LabelDecision("COVID/gone.png", "exclude", "Bo", "2026-01-01"), 1)


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    draw_run(tmp_path / "home", Drawing(n_images=48, decided=[LEFT_OUT]), key="first")
    return ["--home", str(tmp_path / "home"), "--run", "first"]


def test_decisions_are_written_signed_and_dated(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "decisions.csv"
    end = ["--by", "Ann Example", "--file", str(file)]
    assert main(["label", *place, COVID, NORMAL, "--flip", "--reason", "seen", *end]) == 0
    told = capsys.readouterr().out
    assert f"{COVID}: COVID-19 becomes normal\n{NORMAL}: normal becomes COVID-19\n" in told
    assert "--label-decisions" in told
    # one that a decision has left out can be taken back
    assert main(["label", *place, "COVID/gone.png", "--keep", *end]) == 0
    assert "COVID/gone.png: stays COVID-19" in capsys.readouterr().out
    lines = read_label_decisions(file)
    assert [each[:3] for each in lines] == [
        (COVID, "flip", "Ann Example"),
        (NORMAL, "flip", "Ann Example"),
        ("COVID/gone.png", "keep", "Ann Example"),
    ]
    assert lines[0].reason == "seen"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["image-001.png", "--by", "Ann"], "has no image 'image-001.png'"),
        ([COVID, "--by", " "], "--by ' ' is no name"),
        ([COVID, "--by", "YOUR NAME"], "--by 'YOUR NAME' is no name"),
        ([COVID, "--by", "Ann", "--reason", "a\rb"], "--reason 'a\\rb' is not one line of text"),
        ([COVID, "--by", "Ann", "--reason", "\udcff"], "is not one line of text"),
    ],
)
def test_what_cannot_be_is_told_in_three_lines_and_writes_nothing(
    place: list[str],
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "decisions.csv"
    assert main(["label", *place, *words, "--exclude", "--file", str(file)]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert len(message.strip().splitlines()) == 3
    assert not file.exists()


@pytest.mark.parametrize("without", ["--by", "--flip", "--file", "--run"])
def test_nothing_of_a_decision_may_be_missing(without: str, place: list[str]) -> None:
    words = {"--by": ["Ann"], "--flip": [], "--file": ["x.csv"], "--run": ["first"]}
    flags = [word for flag, value in words.items() if flag != without for word in (flag, *value)]
    with pytest.raises(SystemExit) as ended:
        main(["label", COVID, *flags, *place[:2]])
    assert ended.value.code == 2


def test_a_run_whose_images_are_gone_says_so(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in tmp_path.glob("home/datasets/*/*.csv"):
        path.unlink()
    words = [COVID, "--keep", "--by", "Ann", "--file", str(tmp_path / "x.csv")]
    assert main(["label", *place, *words]) == 2
    assert "Ingest them again" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    words = ["label", *place, COVID, "--keep", "--by", "Ann"]
    assert main([*words, "--file", str(tmp_path / "file" / "decisions.csv")]) == 2
    assert "it cannot be written" in capsys.readouterr().err


def test_an_image_with_a_carriage_return_in_its_name_can_be_decided_about(tmp_path: Path) -> None:
    odd = LabelDecision("COVID/a\rb.png", "keep", "Ann", "2026-01-01", "x, y")
    file = tmp_path / "decisions.csv"
    append_decisions(file, [odd], lock=tmp_path / "lock")
    assert read_label_decisions(file) == [odd]
