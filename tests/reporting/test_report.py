"""What the page and its files say of a run."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import norm

from cxr_tasks.errors import ArtifactError
from cxr_tasks.evaluation.banners import make_banners
from cxr_tasks.evaluation.comparison_record import RecommendationFacts, TrainedVariant
from cxr_tasks.reporting.artifacts import read_artifacts
from cxr_tasks.reporting.environment import matter_of
from cxr_tasks.reporting.facts import reproduce_command
from cxr_tasks.reporting.report import MAX_REJECTED, make_report, render_page
from cxr_tasks.reporting.report_record import RunTimes
from cxr_tasks.reporting.run_summary import NOTICE
from cxr_tasks.settings.config import make_config
from cxr_tasks.statistics.figures_record import FigureFacts, MetricFigures, StatisticsFacts
from cxr_tasks.study import TABLE_3, study_differences
from cxr_tasks.training.training_record import FoldSummary, WithoutLag
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.sealed import read_sealed
from tests.drawing import ERROR, Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import changed, filled
from tests.reporting.made_report import NAMES, Made, Parsed, make, notes_of
from tests.site.shelf import BEGAN

RECOMMENDATION = filled(RecommendationFacts, variant=NAMES[2])


def test_all_four_variants_are_shown(made: Made) -> None:
    assert list(made.report.variants) == NAMES
    for variant in VARIANTS.values():
        assert made.parsed.text.count(variant.title) >= 6


def test_failed_variant_shows_its_whole_message_and_skipped_says_so(mixed: Made) -> None:
    failed, skipped = (mixed.report.variants[name] for name in NAMES[2:])
    assert (failed.status, failed.error) == ("failed", ERROR)
    assert skipped.status == "skipped"
    assert ERROR in mixed.parsed.text
    assert mixed.parsed.text.count("Not selected for this run.") >= 5
    assert "no number>" not in mixed.page  # escaped


def test_finished_variants_show_no_failure(phantom: Made) -> None:
    assert "Failed." not in phantom.parsed.text
    assert "Not selected" not in phantom.parsed.text


def test_json_is_the_stage_record_and_the_page_shows_its_numbers(made: Made) -> None:
    record = read_sealed(made.run.report / "report.json")
    assert record == made.report.content()
    assert set(record["outputs"]) == {"index.html", "labels.html", "model_card.md", "table.csv"}
    text = " ".join(made.parsed.text.split())
    for facts in record["variants"].values():
        if facts["status"] != "ok":
            continue
        for part in record["split"]["parts"]:
            confusion = facts[f"{part}_confusion"]
            n_right = confusion["true_positive"] + confusion["true_negative"]
            n = facts[f"{part}_n_images"]
            assert facts[f"{part}_accuracy"] == pytest.approx(n_right / n)
            assert f"{100 * facts[f'{part}_accuracy']:.1f} % {n_right} of {n}" in text
            assert f"{facts[f'{part}_loss']:.4f}" in text
            assert f"{facts[f'{part}_roc_auc']:.3f}" in text
        assert f"{facts['train_seconds']:.1f} s" in text


def test_json_gives_what_the_study_table_needs(phantom: Made) -> None:
    wanted = {
        "status",
        "error",
        "n_parameters",
        "n_trainable_parameters",
        "train_accuracy",
        "train_loss",
        "val_accuracy",
        "val_loss",
        "epochs_run",
        "train_seconds",
        "best_epoch",
        "stopped_by",
        "model_bytes",
        "test_roc_auc",
    }
    assert all(wanted <= set(each.content()) for each in phantom.report.variants.values())
    assert phantom.report.run_key == "drawn"
    assert phantom.report.profile == "quickstart"
    assert phantom.report.source == "phantom"


def test_headline_has_bootstrap_intervals_and_wilsons_beside(made: Made) -> None:
    basis = made.report.basis
    facts = made.report.trained[NAMES[0]]
    headline, measured = facts.headline, facts.measured[basis]
    assert headline.basis == basis
    assert measured.accuracy is not None
    assert headline.accuracy.value == measured.accuracy
    low, high = headline.accuracy.interval or []
    assert low <= measured.accuracy <= high
    assert low < high
    wilson, delong = headline.accuracy.independent, headline.roc_auc.independent
    assert wilson is not None
    assert delong is not None
    assert (wilson.method, delong.method) == ("Wilson", "DeLong")
    low, high = wilson.interval or []
    p, n, z = measured.accuracy, measured.n_images, norm.ppf(0.975)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert [low, high] == pytest.approx([middle - half, middle + half])


def test_basis_is_told(phantom: Made, mixed: Made) -> None:
    assert phantom.report.basis == "test"
    assert "Test images took no part in training" in phantom.parsed.text
    assert mixed.report.basis == "val"
    assert "validation images also chose the stopping epoch" in mixed.parsed.text


def kinds(made: Made) -> set[str]:
    return {banner.kind for banner in made.report.banners}


def test_notes_stand_if_and_only_if_they_hold(phantom: Made, mixed: Made, tmp_path: Path) -> None:
    assert kinds(phantom) - {"chance"} == {"phantom", "random_weights", "epoch_limit"}
    assert kinds(mixed) - {"chance"} == {"failed", "no_test"}
    assert re.search("Synthetic images:.* Random weights .*every variant", notes_of(phantom))
    assert re.search("Failed: MobileNetV2 partly frozen.*No test part", notes_of(mixed))
    clean = Drawing(synthetic=False, weights_origin="file")
    made = make(tmp_path, clean, source="folder", data=str(tmp_path))
    assert kinds(made) - {"chance"} == set()
    assert notes_of(made) == NOTICE


def test_notes_of_an_older_run_are_shown_as_they_were_worded(phantom: Made) -> None:
    old = "Random backbone weights: mobilenetv2_frozen started without pre-training. And so on."
    report = changed(phantom.report, {"banners": [{"kind": "random_weights", "text": old}]})
    page = Parsed(render_page(read_artifacts(phantom.run, phantom.config), report))
    assert old.replace("mobilenetv2_frozen", "MobileNetV2 frozen") in " ".join(page.text.split())


def test_what_a_note_says_by_itself_ends_with_its_first_colon_or_full_stop() -> None:
    assert matter_of("Failed: a. The rest.") == ("Failed:", "a. The rest.")
    assert matter_of("It stopped at 0.64. So: more.") == ("It stopped at 0.64.", "So: more.")
    assert matter_of("Only this.") == ("Only this.", "")


def test_page_begins_with_done_verdict_recommendation_comparison_next_notes(made: Made) -> None:
    told = " ".join(made.parsed.text.split())
    places = [
        told.index(mark)
        for mark in (
            "seed 42.",
            "Verdict:",
            "Recommended:",
            "AUC: 0.5 is guessing",
            "Next.",
            "not a medical device",
            "Files:",
            "Why, and how sure",
        )
    ]
    assert places == sorted(places)


def test_page_says_when_it_ran_and_who_began_it(phantom: Made) -> None:
    times = RunTimes(
        started_at=BEGAN, ended_at=BEGAN + 90 * 60, by="Ann <b>", how="by hand", dag_run="manual"
    )
    said = {
        (): "2026-01-01 00:00 to 01:30 UTC (1 h 30 min), started by Ann <b>, by hand in Airflow.",
        (("by", ""), ("how", "schedule")): "started by the schedule.",
        (("ended_at", BEGAN + 86_400.0),): "00:00 to 2026-01-02 00:00 UTC (24 h 0 min)",
    }
    for changes, expected in said.items():
        report = phantom.report.model_copy(update={"times": times.model_copy(update=dict(changes))})
        page = render_page(read_artifacts(phantom.run, phantom.config), report)
        assert expected in " ".join(Parsed(page).text.split())
    unknown = phantom.report.model_copy(update={"times": None})
    parsed = Parsed(render_page(read_artifacts(phantom.run, phantom.config), unknown))
    assert "profile quickstart." in " ".join(parsed.text.split())


def test_page_says_what_was_done(phantom: Made, mixed: Made) -> None:
    told = " ".join(phantom.parsed.text.split())
    n = {part: facts.n_images for part, facts in phantom.report.split.parts.items()}
    assert (
        f"140 synthetic radiographs, drawn by this project: {n['train']} trained four classifiers, "
        f"{n['val']} chose which epoch to keep, {n['test']} tested; split by patients and copies, "
        "seed 42."
    ) in told
    assert "24 images of a folder of <images>:" in mixed.parsed.text
    assert "two of three classifiers" in mixed.parsed.text
    assert "split image by image, as in the study" in mixed.parsed.text


def test_trainings_that_lag_ended_are_named(tmp_path: Path) -> None:
    lagged = Drawing(synthetic=False, weights_origin="file", lag_decided=True)
    made = make(tmp_path, lagged, source="folder", data=str(tmp_path))
    told = {banner.kind: banner.text for banner in made.report.banners}
    assert "patience ended mobilenetv2_partial, mobilenetv2_unfrozen, whose" in told["lag"]
    assert "Stopped by lag: patience ended" in notes_of(made)
    assert made.parsed.text.count("patience would not have ended it.") == 2
    lag = made.report.trained[NAMES[3]].without_lag
    assert lag is not None
    assert lag.decided_stopping
    assert made.report.trained[NAMES[0]].without_lag is None


def test_lag_in_a_fold_counts(phantom: Made) -> None:
    dataset = read_artifacts(phantom.run, phantom.config).dataset
    ended = filled(WithoutLag, best_epoch=9, decided_stopping=True)
    did_not = filled(WithoutLag, best_epoch=9, decided_stopping=False)
    for without_lag, expected in ((ended, 1), (did_not, 0), (None, 0)):
        fold = filled(FoldSummary, without_lag=without_lag)
        facts = filled(TrainedVariant, folds=[filled(FoldSummary), fold])  # one of an older version
        told = make_banners(dataset, {NAMES[2]: facts}, RECOMMENDATION, split_kind="grouped")
        assert [banner.kind for banner in told].count("lag") == expected


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "expected"), [(1, 0, 1), (0, 1, 1), (1, 1, 0), (0.9, 0, 0)]
)
def test_network_that_calls_every_image_the_same_is_named(
    phantom: Made, sensitivity: float, specificity: float, expected: int
) -> None:
    dataset = read_artifacts(phantom.run, phantom.config).dataset
    rates = filled(
        MetricFigures,
        sensitivity=filled(FigureFacts, value=sensitivity),
        specificity=filled(FigureFacts, value=specificity),
    )
    facts = filled(TrainedVariant, statistics=filled(StatisticsFacts, metrics=rates))
    told = make_banners(dataset, {NAMES[0]: facts}, RECOMMENDATION, split_kind="grouped")
    assert [banner.kind for banner in told].count("unlearned") == expected


def test_score_that_might_be_guessing_is_called_so(phantom: Made, mixed: Made) -> None:
    for made in (phantom, mixed):
        assert ("chance" in kinds(made)) != made.report.recommendation.above_chance
        assert ("Recommended: none" in made.parsed.text) == ("chance" in kinds(made))


def test_no_report_speaks_of_diagnosing(made: Made) -> None:
    assert "diagnos" not in made.page.lower()
    assert "not a medical device" in made.parsed.text


def test_rejected_files_are_the_first_ones_and_the_total(mixed: Made) -> None:
    assert "bad <19>.png" in mixed.parsed.text
    assert "bad <20>.png" not in mixed.parsed.text
    assert f"The first {MAX_REJECTED} of 31 rejected files" in mixed.parsed.text


def test_original_and_augmented_only_with_a_variant_that_augments(
    phantom: Made, tmp_path: Path
) -> None:
    assert "Training image 6, augmented" in phantom.page
    made = make(tmp_path, Drawing(skipped=[NAMES[0]]))
    assert "No variant with augmentation was trained" in made.parsed.text


def test_study_table_is_beside_and_said_not_to_compare(made: Made) -> None:
    assert "are not comparable" in made.parsed.text
    for row in TABLE_3.values():
        assert f"{row.val_loss:.4f}" in made.parsed.text
    assert "81.5 % (66 of 81)" in made.parsed.text.replace("\N{NO-BREAK SPACE}", " ")


def test_study_figures_are_as_the_text_prints_them() -> None:
    printed = [(88.89, 81.48), (100.0, 92.59), (100.0, 95.06), (99.59, 88.89)]
    for row, (train, val) in zip(TABLE_3.values(), printed, strict=True):
        assert round(100 * row.train_accuracy, 2) == train
        assert round(100 * row.val_accuracy, 2) == val


def test_only_the_study_procedure_on_its_data_has_no_difference() -> None:
    given = {"profile": "paper", "kaggle_dataset": "owner/covid-19-vs-normal-chest-x-rays"}
    counts = {"train": 243, "val": 81}

    def differences(**settings: Any) -> list[str]:
        config = make_config({**given, **settings})
        return study_differences(config, synthetic=False, n_by_part=counts, weights_origin="keras")

    assert differences() == []
    assert len(differences(epochs=5)) == 1
    assert len(differences(kaggle_dataset="owner/another-set")) == 1
    assert len(differences(batch_size=16, class_weights=True)) == 2


def test_reproduce_command_gives_the_same_configuration(made: Made) -> None:
    import shlex

    from cxr_tasks.cli.main import make_parser

    words = shlex.split(made.report.reproduce)
    assert words[:4] == ["python", "-m", "cxr_tasks", "run"]
    options = vars(make_parser().parse_args(words[3:]))
    given = {key: value for key, value in options.items() if key in made.config.as_dict()}
    assert make_config(given) == made.config
    assert made.report.reproduce in made.parsed.text


def test_reproduce_command_states_values_that_look_like_flags() -> None:
    config = make_config(
        {
            "source": "folder",
            "data": "/x-rays",
            "class_weights": True,
            "preset": "custom",
            "covid_glob": "-pos/**",
            "normal_glob": "n eg",
        }
    )
    command = reproduce_command(config, weights_origin="file")
    assert "--covid-glob=-pos/**" in command.replace("'", "")
    assert "--class-weights" in command


def test_reproduce_command_names_the_weights_that_took_imagenets_place() -> None:
    config = make_config({})
    assert "--weights phantom" in reproduce_command(config, weights_origin="phantom")
    assert "--weights" not in reproduce_command(config, weights_origin="keras")


def test_hashes_name_data_split_and_models(phantom: Made) -> None:
    hashes = phantom.report.hashes
    assert {"configuration", "data set", "split.csv", "backbone weights"} < set(hashes)
    assert {f"{name}/model.keras" for name in NAMES} < set(hashes)
    assert all(digest in phantom.parsed.text for digest in hashes.values())


def test_table_has_one_row_a_variant_with_the_same_numbers(mixed: Made) -> None:
    with (mixed.run.report / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["variant"] for row in rows] == NAMES
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "skipped"]
    facts = mixed.report.trained[NAMES[0]]
    assert float(rows[0]["accuracy"]) == facts.measured["val"].accuracy
    assert float(rows[0]["accuracy_low"]) == (facts.headline.accuracy.interval or [])[0]
    assert rows[0]["basis"] == "val"
    assert rows[2]["error"] == ERROR


def test_same_run_gives_the_same_page(phantom: Made, tmp_path: Path) -> None:
    times = phantom.report.times
    assert times is not None
    make_report(phantom.run, phantom.config, tmp_path, clock=lambda: times.ended_at)
    assert (tmp_path / "index.html").read_text() == phantom.page


def test_changed_artifact_is_refused(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(skipped=NAMES[1:]))
    predictions = run.evaluate / NAMES[0] / "predictions.csv"
    predictions.write_text(predictions.read_text().replace("train", "test"))
    with pytest.raises(ArtifactError, match=r"predictions\.csv"):
        finish_report(run, config)
    assert not run.report.exists()
