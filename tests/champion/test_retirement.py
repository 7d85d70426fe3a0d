"""A champion that is retired: none serves, the next run is the first, and it never sneaks back."""

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion import pointer
from cxr_tasks.champion.describe import describe_champion, describe_promotion
from cxr_tasks.champion.pointer import history, serving, serving_without
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.champion.restoring import restore_pointer, restore_version, retire, roll_back
from cxr_tasks.champion.versions import require_champion, versions
from cxr_tasks.cli.main import main
from cxr_tasks.cli.run import show_result
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.volume.records import require_record
from tests.champion.drawn_champion import NOW, compared, draw_challenger, draw_champion, promote
from tests.stored import flip_bit

MASKS = "Masks, no radiographs."
LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def retired(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose only champion was retired, and runs that may challenge."""
    home = draw_champion(tmp_path_factory.mktemp("retired"), "masks")
    for key, strength in (("right", 1.0), ("better", 3.9)):
        draw_challenger(home.root, key, strength=strength)
    retire(home, reason=MASKS, now=LATER)
    return home


@pytest.fixture
def home(retired: Home, tmp_path: Path) -> Home:
    shutil.copytree(retired.root, tmp_path / "home")
    return Home(tmp_path / "home")


def test_retired_champion_no_longer_serves_and_history_says_why(home: Home) -> None:
    assert serving(home) is None
    assert history(home)[-1].content() == {
        "at": "2026-01-03T03:04:05+00:00",
        "action": "retired",
        "version": "0001-masks",
        "before": "0001-masks",
        "reason": MASKS,
        "approval": None,
    }
    with pytest.raises(ConfigError) as caught:
        require_champion(home)
    assert "0001-masks was retired on 2026-01-03T03:04:05+00:00 (Masks, no radiographs.)" in (
        caught.value.problem
    )
    assert "champion --roll-back VERSION" in caught.value.remedy


def test_run_that_was_too_much_alike_is_first_after_the_retirement(home: Home) -> None:
    record = promote(home, "right")
    assert (record.decision, record.version) == ("promoted", "0002-right")
    assert (record.champion_before, record.comparison) == (None, None)
    assert record.reason.startswith("The first champion since 0001-masks was retired on 2026-")
    assert MASKS in record.reason
    assert serving(home) == "0002-right"
    with pytest.raises(ConfigError, match="Nothing served before 0002-right"):
        roll_back(home, None, now=LATER)
    assert serving(home) == "0002-right"


def test_same_model_from_another_run_does_not_bring_a_retired_one_back(home: Home) -> None:
    draw_challenger(home.root, "masks-again")
    record = promote(home, "masks-again")
    assert record.decision == "refused"
    assert "It is the model of 0001-masks, which was retired on 2026-01-03" in record.reason
    assert serving(home) is None


def test_run_of_the_retired_version_does_not_bring_it_back(home: Home) -> None:
    shutil.rmtree(home.run("masks").promote)
    assert promote(home, "masks").version == "0001-masks"
    assert serving(home) is None


@pytest.mark.parametrize("damaged", [False, True])
def test_restored_version_stays_retired(damaged: bool, home: Home) -> None:
    folder = home.champion / "0001-masks"
    if damaged:
        flip_bit(folder / "model.keras")
    else:
        shutil.rmtree(folder)
    run, config = open_run(home, "masks")
    restore_version(run, config, require_record(run.promote, PromotionRecord), note=print)
    assert require_champion(home, "0001-masks").folder == folder
    assert serving(home) is None


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_lost_pointer_brings_no_retired_version_back(damage: str, home: Home) -> None:
    path = home.champion / "champion.json"
    before = read_json(path)
    if damage == "gone":
        path.unlink()
    else:
        flip_bit(path)
    with pytest.raises(DamagedError, match="champion --restore"):
        require_champion(home)
    assert restore_pointer(home, note=print) is None
    assert read_json(path) == before


def test_where_the_copy_is_lost_too_it_is_told_that_retirements_are_forgotten(home: Home) -> None:
    for name in ("champion.json", "champion-copy.json"):
        flip_bit(home.champion / name)
    notes: list[str] = []
    assert restore_pointer(home, note=notes.append) == "0001-masks"
    assert "rolled back or retired is not known any more" in notes[0]


def test_retirement_that_was_killed_half_way_is_not_lost_with_the_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = draw_champion(tmp_path, n_images=80)

    def killed(*args: Any) -> None:
        write_sealed_record(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pointer, "write_sealed_record", killed)
        with pytest.raises(KeyboardInterrupt):
            retire(home, reason=MASKS, now=LATER)
    assert serving(home) == "0001-first"
    (home.champion / "champion.json").unlink()
    assert restore_pointer(home, note=print) is None


def test_version_that_the_history_does_not_know_does_not_serve_by_being_restored(
    home: Home,
) -> None:
    """The pointer is of a backup: of after the retirement, and before the next promotion."""
    before = (home.champion / "champion.json").read_bytes()
    promote(home, "right")
    (home.champion / "champion.json").write_bytes(before)
    shutil.rmtree(home.champion / "0002-right")
    run, config = open_run(home, "right")
    notes: list[str] = []
    restore_version(run, config, require_record(run.promote, PromotionRecord), note=notes.append)
    assert "the champion's history does not know it" in notes[0]
    assert serving(home) is None


def test_retired_version_serves_again_only_by_its_name(home: Home) -> None:
    with pytest.raises(ConfigError, match="0001-masks was retired"):
        roll_back(home, None, now=LATER)
    assert serving(home) is None
    assert roll_back(home, "0001-masks", now=LATER).name == "0001-masks"
    assert history(home)[-1].reason == (
        "0001-masks was retired. Retired on 2026-01-03T03:04:05+00:00, it serves again."
    )
    assert compared(promote(home, "better")).champion == "0001-masks"
    assert roll_back(home, None, now=LATER).name == "0001-masks"


def test_rollback_passes_over_what_was_retired(home: Home) -> None:
    roll_back(home, "0001-masks", now=LATER)
    promote(home, "better")
    retire(home, reason="", now=LATER)
    assert promote(home, "right").version == "0003-right"
    roll_back(home, "0002-better", now=LATER)
    assert roll_back(home, None, now=LATER).name == "0001-masks"
    retire(home, reason="again", now=LATER)
    roll_back(home, "0002-better", now=LATER)
    with pytest.raises(ConfigError) as caught:  # 0001-masks served before, and is retired
        roll_back(home, None, now=LATER)
    assert caught.value.problem == "Nothing served before 0002-better that was not retired."
    assert "beside it: 0003-right; retired: 0001-masks" in caught.value.rule
    assert serving(home) == "0002-better"


def test_rollback_of_the_only_version_names_no_version_but_the_retirement(tmp_path: Path) -> None:
    home = draw_champion(tmp_path, n_images=80)
    with pytest.raises(ConfigError) as caught:
        roll_back(home, None, now=NOW)
    assert "none; retired: none" in caught.value.rule
    assert caught.value.remedy == ("To let no model serve: python -m cxr_tasks champion --retire.")


def test_damaged_champion_can_be_retired(home: Home) -> None:
    promote(home, "right")
    (home.champion / "0002-right" / "model.keras").unlink()
    assert retire(home, reason="broken", now=LATER) == "0002-right"
    assert serving(home) is None


def test_what_no_longer_serves_cannot_be_retired(home: Home) -> None:
    n_entries = len(history(home))
    with pytest.raises(ConfigError, match="No champion serves"):
        retire(home, reason="", now=LATER)
    assert len(history(home)) == n_entries


def test_drift_is_not_measured_against_a_retired_champion(home: Home) -> None:
    assert serving_without(home, "right") is None
    promote(home, "right")
    assert serving_without(home, "right") is None
    assert serving_without(home, "better") == "0002-right"


def test_retired_champion_and_its_run_are_still_there(home: Home) -> None:
    assert versions(home) == ["0001-masks"]
    assert require_champion(home, "0001-masks").record.run_key == "masks"


def champion(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cxr_tasks", "champion", "--home", str(home.root), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_one_command_retires_the_first_champion(tmp_path: Path) -> None:
    home = draw_champion(tmp_path, n_images=80)
    done = champion(home, "--retire", "--reason", "not\x1b[31m\nlungs \udcff")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0001-first is retired.\n\nNo champion serves.")
    assert "Why: not\\x1b[31m\\nlungs \\udcff" in done.stdout
    assert "- 0001-first" in done.stdout
    again = champion(home, "--retire")
    assert again.returncode == 2
    assert "No champion serves" in again.stderr


def test_reason_without_a_retirement_is_refused(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["champion", "--home", str(home.root), "--reason", "x"], {}) == 2
    assert "--reason 'x' without --retire" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["champion", "--home", str(home.root), "--retire", "--roll-back"], {})


def test_terminal_is_told_of_the_retirement(home: Home) -> None:
    text = describe_champion(home)
    assert text.startswith("No champion serves.\n  0001-masks was retired on 2026-01-03T03:04:05")
    assert f"Why: {MASKS}" in text
    assert "retired      0001-masks\n" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    promote(home, "right")
    text = describe_champion(home)
    assert text.startswith("Champion 0002-right")
    assert "\n  - 0001-masks\n" in text


def test_run_whose_model_was_retired_does_not_tell_that_it_serves(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    since = (
        f"promoted, but retired on 2026-01-03T03:04:05+00:00 ({MASKS}): it no longer serves. Then: "
    )
    assert main(["promote", "--home", str(home.root), "--run", "masks"], {}) == 0
    assert f"{since}The first champion" in capsys.readouterr().out
    show_result(home.run("masks"))
    assert f"Champion, {since}The first" in " ".join(capsys.readouterr().out.split())


def test_run_whose_model_another_has_replaced_says_so(home: Home) -> None:
    record = promote(home, "right")
    assert describe_promotion(home, record) == f"promoted: {record.reason}"
    roll_back(home, "0001-masks", now=LATER)
    assert describe_promotion(home, record) == (
        f"promoted, but 0001-masks serves now: it no longer serves. Then: {record.reason}"
    )
    (home.champion / "champion.json").write_text("{", encoding="utf-8")
    assert describe_promotion(home, record) == f"promoted: {record.reason}"
