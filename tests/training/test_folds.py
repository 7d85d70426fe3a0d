"""A variant's folds as a user meets them: trained one by one, kept, and measured out of fold."""

import shutil

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.flow.process import StageError, run_stage
from cxr_tasks.training.task import fold_seed
from cxr_tasks.training.train import final_epochs
from cxr_tasks.training.training_record import FoldSummary
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events
from tests.made_facts import filled
from tests.training.ready_run import ready_to_train

VARIANT = "vanilla_cnn"
SETTINGS = {
    "variants": VARIANT,
    "phantom_images": 40,
    "folds": 2,
    "epochs": 3,
    "patience": 3,
    "batch_size": 16,
    "threads": 2,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    home = Home(tmp_path_factory.mktemp("home"))
    run = ready_to_train(home, "folds", SETTINGS)
    run_stage("train", run, variant=VARIANT, on_line=lambda _: None)
    return run


def fold_scores(run: RunPaths, number: int) -> pd.DataFrame:
    return pd.read_csv(run.train(VARIANT) / f"fold-{number}" / "scores.csv")


def test_every_image_is_tested_in_one_fold_and_by_its_model_only(trained: RunPaths) -> None:
    tested = pd.concat([fold_scores(trained, number).query("part == 'test'") for number in (1, 2)])
    assert sorted(tested["row"]) == list(range(40))
    for number in (1, 2):
        folds = pd.read_csv(trained.split / "folds.csv")
        scored = fold_scores(trained, number)
        assert (folds[f"fold-{number}"][scored["row"]].to_numpy() == scored["part"]).all()
        assert "train" not in set(scored["part"])
        assert scored["score"].between(0, 1).all()


def test_final_fit_trains_for_the_median_of_the_best_epochs_and_keeps_the_last(
    trained: RunPaths,
) -> None:
    record = read_json(trained.train(VARIANT) / "train.json")
    best = [fold["best_epoch"] for fold in record["folds"]]
    assert record["epochs_run"] == record["best_epoch"] == max(1, round(sum(best) / 2))
    assert record["stopped_by"] == "folds"
    assert record["train_seconds"] > sum(fold["train_seconds"] for fold in record["folds"])
    names = {"model.keras", "history.csv", "train.json"}
    assert names <= {path.name for path in (trained.train(VARIANT) / "fold-1").iterdir()}
    assert "fold-2/scores.csv" in record["outputs"]


def test_progress_says_fold_and_epoch(trained: RunPaths) -> None:
    events = [event for event, _ in read_events(trained.progress) if event.kind == "epoch"]
    assert {event.name for event in events} == {f"train {VARIANT}"}
    assert [event.fit for event in events][:4] == ["fold 1 of 2"] * 3 + ["fold 2 of 2"]
    assert events[-1].fit == "final fit"
    done = [event for event, _ in read_events(trained.progress) if event.kind == "done"]
    assert [event.name for event in done].count(f"train {VARIANT}") == 1


def test_retry_goes_on_with_the_folds_that_are_missing(trained: RunPaths) -> None:
    before = [fold_scores(trained, number) for number in (1, 2)]
    history = pd.read_csv(trained.train(VARIANT) / "history.csv").drop(columns="seconds")
    # as a killed task leaves it: the first fold finished, nothing else
    left = trained.training(VARIANT)
    trained.train(VARIANT).rename(left)
    shutil.rmtree(left / "fold-2")
    for name in ("train.json", "model.keras", "history.csv", "augmented.npy"):
        (left / name).unlink()
    model = left / "fold-1" / "model.keras"
    written_at = model.stat().st_mtime_ns
    run_stage("train", trained, variant=VARIANT, on_line=lambda _: None)

    kept = trained.train(VARIANT) / "fold-1" / "model.keras"
    assert kept.stat().st_mtime_ns == written_at
    for number in (1, 2):
        assert before[number - 1].equals(fold_scores(trained, number))
    again = pd.read_csv(trained.train(VARIANT) / "history.csv").drop(columns="seconds")
    assert history.equals(again)


def test_report_of_a_run_with_folds_is_out_of_fold(trained: RunPaths) -> None:
    for stage in ("audit", "evaluate", "report"):
        run_stage(stage, trained, on_line=lambda _: None)
    report = read_json(trained.report / "report.json")
    assert report["basis"] == "oof"
    facts = report["variants"][VARIANT]
    assert facts["headline"]["n_images"] == 40
    assert [each["fold"] for each in facts["statistics"]["by_fold"]] == [1, 2]
    predictions = pd.read_csv(trained.evaluate / VARIANT / "predictions.csv")
    expected = pd.concat([fold_scores(trained, number) for number in (1, 2)])
    scores = expected.query("part == 'test'").sort_values("row")["score"]
    assert np.allclose(predictions["score"], scores)
    assert facts["explanation"]["part"] == "val"
    assert report["audit"]["verdict"] in ("clean", "warning", "shortcut")
    page = (trained.report / "index.html").read_text(encoding="utf-8")
    assert "never scored" in page


def test_fold_that_does_not_exist_is_refused(trained: RunPaths) -> None:
    from cxr_tasks.cli.main import main

    arguments = ["fold", "--run", trained.key, "--home", str(trained.home.root)]
    assert main([*arguments, "--variant", VARIANT, "--fold", "3"], {}) == 2
    with pytest.raises(StageError, match="is not part of run"):
        run_stage("train", trained, variant="mobilenetv2_frozen", on_line=lambda _: None)


def test_folds_have_seeds_of_their_own() -> None:
    seeds = {fold_seed(seed, number) for seed in (1, 2) for number in (1, 2, 3)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert final_epochs([filled(FoldSummary, best_epoch=epoch) for epoch in (3, 9, 4)]) == 4
