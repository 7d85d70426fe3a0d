"""The stage `promote`: who is promoted, kept out or refused."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.champion.eligibility import objections, open_challenger
from cxr_tasks.champion.pairing import PATIENT_TRAINED_CHAMPION, SAME_IMAGE, UNSEEN
from cxr_tasks.champion.pointer import history, serving
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.champion.restoring import roll_back
from cxr_tasks.champion.versions import read_predictions, require_champion
from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.errors import ArtifactError
from cxr_tasks.evaluation.verdict import NO_AUDIT
from cxr_tasks.runs.start import open_run
from cxr_tasks.volume.files import read_json, sha256_of
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import require_record
from tests.champion.drawn_champion import (
    NOW,
    OTHER,
    VARIANT,
    compared,
    draw_challenger,
    draw_champion,
    figures_of,
    promote,
    versions_on_disk,
)
from tests.made_facts import changed
from tests.stored import accept_changes, change_record


def scores_of(strength: float) -> Callable[..., Any]:
    """Return probabilities by the row alone, the higher for COVID-19 the stronger."""

    def score(_model_file: Path, _images: Any, rows: Any) -> Any:
        noise = np.random.default_rng(3).normal(size=len(rows))
        return 1 / (1 + np.exp(-(strength * (2 * (rows % 2) - 1) + noise)))

    return score


def test_first_champion_has_nothing_to_be_compared_with(home: Home) -> None:
    record = require_record(home.run("first").promote, PromotionRecord)
    assert (record.decision, record.version) == ("promoted", "0001-first")
    assert (record.champion_before, record.comparison) == (None, None)
    assert record.reason.startswith("The first champion: there was none to compare with.")
    assert record.variant == VARIANT


def test_version_holds_all_that_is_needed_once_its_run_is_deleted(home: Home) -> None:
    promote(home, "best")
    run, config = open_run(home, "best")
    report = read_json(run.report / "report.json")
    digests = {
        "model.keras": sha256_of(run.train(VARIANT) / "model.keras"),
        "predictions.csv": sha256_of(run.evaluate / VARIANT / "predictions.csv"),
        "index.html": sha256_of(run.report / "index.html"),
        "pairs.csv": sha256_of(run.promote / "pairs.csv"),
    }
    shutil.rmtree(run.root)
    champion = require_champion(home)
    assert digests.items() <= champion.record.outputs.items()
    assert len(champion.predictions()) == 160
    fixed = report["variants"][VARIANT]["fixed"]
    expected = {
        "version": "0002-best",
        "run_key": "best",
        "variant": VARIANT,
        "basis": "oof",
        "promoted_at": "2026-01-02T03:04:05+00:00",
        "profile": "quickstart",
        "synthetic": False,
        "dataset": "d0" * 32,
        "temperature": fixed["temperature"],
        "cutoff": fixed["cutoff"],
        "min_sensitivity": 0.95,
        "threads": 2,
        "seed_of_run": 42,
        "verdict": "clean",
        "headline": report["variants"][VARIANT]["headline"],
        "config": config.as_dict(),
        "title": "MobileNetV2 frozen",
        "champion_before": "0001-first",
        "weights_origin": "random",
    }
    content = champion.record.content()
    assert {key: content[key] for key in expected} == expected


def test_better_challenger_is_promoted_with_history_and_card(home: Home) -> None:
    record = promote(home, "best")
    assert (record.decision, record.version) == ("promoted", "0002-best")
    assert record.champion_before == "0001-first"
    assert serving(home) == "0002-best"
    assert history(home)[-1].reason == record.reason
    assert record.reason.startswith("Better than 0001-first. On 160 images of 80 patients")
    brier, auc = figures_of(record).brier, figures_of(record).auc
    assert (brier.interval or [])[0] > 0
    for figure, name in ((brier, "Brier score"), (auc, "AUC")):
        both = f"{figure.challenger:.3f}, the champion's {figure.champion:.3f} (gain +"
        assert f"{name} {both}{figure.difference:.3f}, " in record.reason
        assert "{:.3f} to {:.3f}".format(*figure.interval or []) in record.reason
    assert compared(record).n_same_image == 160
    card = (require_champion(home).folder / "model_card.md").read_text(encoding="utf-8")
    run_card = home.run("best").report / "model_card.md"
    assert card.startswith(run_card.read_text(encoding="utf-8").rstrip())
    added = card.split("## Promotion", 1)[1]
    assert "Promoted on 2026-01-02T03:04:05+00:00, in place of 0001-first." in added
    assert f"Brier score {brier.challenger:.3f}, the champion's {brier.champion:.3f}" in added
    assert "(exact sign-flip test over groups, p " in added
    assert "never scored" in added


def test_challenger_that_is_not_shown_to_be_better_is_kept_out(home: Home) -> None:
    record = promote(home, "like")
    assert (record.decision, record.version) == ("kept", None)
    assert record.reason.startswith("Not shown to be better than 0001-first.")
    low, high = figures_of(record).brier.interval or []
    assert low <= 0 <= high
    assert (serving(home), versions_on_disk(home)) == ("0001-first", ["0001-first"])


def test_worse_challenger_is_refused(home: Home) -> None:
    record = promote(home, "bad")
    assert (record.decision, record.version) == ("refused", None)
    assert record.reason.startswith("Worse than 0001-first.")
    assert serving(home) == "0001-first"


def test_champion_scores_only_what_is_new_to_it(home: Home) -> None:
    asked: list[Any] = []

    def score(model_file: Path, images: Any, rows: Any) -> Any:
        asked.append((model_file, len(images), rows.tolist()))
        return scores_of(0.5)(model_file, images, rows)

    record = promote(home, "newer", score=score)
    # numbers 80 to 159 are in the champion's data, 160 to 239 are not
    model_file = home.champion / "0001-first" / "model.keras"
    assert asked == [(model_file, 160, list(range(80, 160)))]
    comparison = compared(record)
    assert (comparison.n_same_image, comparison.n_unseen) == (80, 80)
    assert set(comparison.n_left_out.values()) == {0}
    assert record.decision == "promoted"


def test_pairs_are_calibrated_by_each_models_own_temperature(home: Home) -> None:
    champion = require_champion(home)
    record = promote(home, "newer", score=scores_of(0.5))
    pairs = pd.read_csv(home.run("newer").promote / "pairs.csv")
    theirs = champion.predictions()
    first, new = pairs.iloc[0], pairs.iloc[80]
    assert (first["kind"], new["kind"]) == (SAME_IMAGE, UNSEEN)
    assert first["champion_path"] == theirs["path"][80]
    assert first["champion_calibrated"] == pytest.approx(theirs["calibrated"][80])
    own = read_predictions(home.run("newer").evaluate / VARIANT / "predictions.csv")
    assert pairs["challenger_calibrated"].to_numpy() == pytest.approx(own["calibrated"].to_numpy())
    logit = np.log(new["champion_score"] / (1 - new["champion_score"]))
    scaled = 1 / (1 + np.exp(-logit / champion.record.temperature))
    assert new["champion_calibrated"] == pytest.approx(scaled)
    assert new["champion_cutoff"] == champion.record.cutoff
    assert figures_of(record).brier.champion == pytest.approx(
        ((pairs["champion_calibrated"] - pairs["label"]) ** 2).mean()
    )


def test_other_images_of_known_patients_are_left_out_and_counted(home: Home) -> None:
    index = home.datasets / OTHER / "index.csv"
    table = pd.read_csv(index, dtype={"patient": str, "phash": str}, keep_default_na=False)
    table.loc[[0, 2], "patient"] = "p3"  # a patient of the champion's data, on other images
    table.to_csv(index, index=False, lineterminator="\n")
    accept_changes(index.parent, DatasetRecord)
    record = promote(home, "far", score=scores_of(0.5))
    assert compared(record).n_left_out[PATIENT_TRAINED_CHAMPION] == 2
    assert compared(record).n_unseen == 158
    pairs = pd.read_csv(home.run("far").promote / "pairs.csv")
    assert pairs.loc[pairs["kind"] == PATIENT_TRAINED_CHAMPION, "champion_score"].isna().all()


def test_too_few_unseen_images_are_refused_with_their_number(tmp_path: Path) -> None:
    home = draw_champion(tmp_path, n_images=60, strength=1.2)
    draw_challenger(tmp_path, "second", n_images=60, strength=3.0)
    record = promote(home, "second")
    assert record.decision == "refused"
    assert (
        "Too few images that neither this model nor 0001-first has seen: 30 of COVID-19 (of 15 "
        "patients or groups) and 30 normal (of 15). At least 25 of each class" in record.reason
    )
    assert compared(record).figures is None
    assert (compared(record).n_covid_groups, compared(record).n_images) == (15, 60)


def test_without_folds_only_test_images_count(home: Home) -> None:
    draw_challenger(home.root, "parts", strength=3.0, n_folds=0)
    record = promote(home, "parts")
    assert record.decision == "refused"
    assert compared(record).n_images == 32
    assert "128 it or its patient trained the challenger" in record.reason


@pytest.mark.parametrize(
    ("drawing", "reason"),
    [
        ({"synthetic": True}, "Its images are synthetic"),
        ({"split": "paper", "n_folds": 0, "n_images": 60}, "Its split is 'paper'"),
        ({"strength": 0.0}, "No variant is recommended, so there is no model"),
        ({"spot": 90, "strength": 1.2}, "The audit's verdict is shortcut. This score is no"),
    ],
)
def test_run_that_may_not_be_promoted_is_refused(
    drawing: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    draw_challenger(tmp_path, "drawn", **{"n_images": 80} | drawing)
    record = promote(Home(tmp_path), "drawn")
    assert (record.decision, record.version) == ("refused", None)
    assert reason in record.reason
    assert serving(Home(tmp_path)) is None


def test_run_without_a_recommendation_has_no_model_to_promote(home: Home) -> None:
    draw_challenger(home.root, "guessing", strength=0.0)
    record = promote(home, "guessing")
    assert (record.decision, record.version, record.variant) == ("refused", None, None)
    assert record.reason == "No variant is recommended, so there is no model to promote."
    assert (serving(home), record.champion_before) == ("0001-first", "0001-first")


def test_report_that_once_recommended_what_is_at_chance_is_refused(home: Home) -> None:
    run, config = open_run(home, "best")
    challenger = open_challenger(run, config)
    old = {"recommendation.above_chance": False, "recommendation.p_chance": 0.2}
    assert objections(replace(challenger, report=changed(challenger.report, old))) == [
        "mobilenetv2_frozen is not better than always naming the larger class (p = 0.200)."
    ]


def test_shortcut_is_promoted_where_it_is_allowed_and_the_card_says_so(tmp_path: Path) -> None:
    settings = {"source": "folder", "data": str(tmp_path), "allow_shortcut": True}
    home = draw_champion(tmp_path, n_images=80, spot=90, settings=settings)
    remark = "Promoted in spite of the audit, since allow_shortcut is set"
    assert remark in history(home)[0].reason
    champion = require_champion(home)
    assert champion.record.verdict == "shortcut"
    card = (champion.folder / "model_card.md").read_text(encoding="utf-8").replace("\\_", "_")
    assert remark in card.split("## Promotion")[1]


def test_allowing_a_shortcut_allows_nothing_else(tmp_path: Path) -> None:
    settings = {"source": "folder", "data": str(tmp_path), "allow_shortcut": True}
    draw_challenger(tmp_path, "drawn", n_images=80, spot=90, synthetic=True, settings=settings)
    record = promote(Home(tmp_path), "drawn")
    assert record.reason == "Its images are synthetic, drawn by the project."


@pytest.mark.parametrize("audit", [{"audit.sentence": NO_AUDIT}, {"audit.controls": {}}])
def test_unaudited_run_is_refused_even_where_a_shortcut_is_allowed(
    audit: dict[str, Any], home: Home
) -> None:
    run, config = open_run(home, "best")
    challenger = open_challenger(run, config.model_copy(update={"allow_shortcut": True}))
    assert objections(challenger) == []
    assert objections(replace(challenger, report=changed(challenger.report, audit))) == [
        "The audit's controls were not asked, so nothing is known about shortcuts."
    ]


@pytest.mark.parametrize("missing", ["audit/audit.json", f"train/{VARIANT}/train.json"])
def test_incomplete_run_is_refused(missing: str, home: Home) -> None:
    (home.run("best").root / missing).unlink()
    record = promote(home, "best")
    assert (record.decision, record.variant) == ("refused", None)
    assert "ended without" in record.reason


@pytest.mark.parametrize("stage", ["evaluate", "report"])
def test_figures_older_than_the_model_are_an_error(stage: str, home: Home) -> None:
    run = home.run("best")
    path = {"evaluate": run.evaluate / "comparison.json", "report": run.report / "report.json"}
    source = {"evaluate": VARIANT, "report": "evaluate"}[stage]
    change_record(path[stage], inputs={source: "00" * 32})
    with pytest.raises(ArtifactError, match=f"stage '{stage}' of this run is older than"):
        promote(home, "best")


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_nothing_is_promoted_where_the_champions_images_are_gone(damage: str, home: Home) -> None:
    folder = home.datasets / ("d0" * 32)
    if damage == "missing":
        shutil.rmtree(folder)
    else:
        images = np.load(folder / "images.npy", mmap_mode="r+")
        images[3, 5, 5] ^= 1
        images.flush()
    with pytest.raises(ArtifactError, match="its images are not to be had") as caught:
        promote(home, "far", score=scores_of(0.1))
    assert "ingest the same images again" in caught.value.remedy
    assert serving(home) == "0001-first"


def test_damaged_champion_stops_the_promotion(home: Home) -> None:
    require_champion(home).model_file.write_bytes(b"other")
    with pytest.raises(ArtifactError, match="0001-first is damaged"):
        promote(home, "best")
    assert serving(home) == "0001-first"


def test_damaged_version_of_another_run_stops_nothing(home: Home) -> None:
    promote(home, "good")
    (home.champion / "0001-first" / "model.keras").unlink()
    assert promote(home, "best").decision == "promoted"


def test_rolled_back_champion_is_the_one_to_beat(home: Home) -> None:
    promote(home, "best")
    roll_back(home, None, now=NOW)
    assert promote(home, "good").champion_before == "0001-first"
    assert [entry.version for entry in history(home)] == [
        "0001-first",
        "0002-best",
        "0001-first",
        "0003-good",
    ]
