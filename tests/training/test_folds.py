"""A variant's folds as a user meets them: trained one by one, kept, and measured out of fold."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.flow.process import StageError, run_fold, run_stage
from cxr_tasks.runs.start import open_run
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.training.task import fold_seed
from cxr_tasks.training.train import final_epochs
from cxr_tasks.training.training_record import FoldSummary
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import read_events
from tests.made_facts import filled
from tests.training.ready_run import execute_here, ready_to_train

SETTINGS = {
    "phantom_images": 40,
    "folds": 2,
    "epochs": 3,
    "patience": 3,
    "batch_size": 16,
    "threads": 2,
}


@pytest.fixture(
    scope="module",
    params=["mobilenetv2_frozen", pytest.param("vanilla_cnn", marks=pytest.mark.slow)],
)
def variant(request: pytest.FixtureRequest) -> str:
    """Return a variant whose folds share a process, and one of whose folds each has its own."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def trained(variant: str, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    start_keras(threads=2, seed=0)
    home = Home(tmp_path_factory.mktemp("home"))
    run = ready_to_train(home, "folds", SETTINGS | {"variants": variant})
    execute_here("train", run, variant=variant)
    return run


def trained_folder(run: RunPaths) -> Path:
    [variant] = open_run(run.home, run.key)[1].variants
    return run.train(variant)


def fold_scores(run: RunPaths, number: int) -> pd.DataFrame:
    return pd.read_csv(trained_folder(run) / f"fold-{number}" / "scores.csv")


@pytest.mark.slow
def test_second_fold_has_the_numbers_of_a_process_of_its_own(
    trained: RunPaths, variant: str
) -> None:
    alone = ready_to_train(trained.home, "alone", SETTINGS | {"variants": variant})
    run_fold(variant, 2, alone, environ=os.environ, on_line=lambda _: None)
    folders = [folder / "fold-2" for folder in (trained.train(variant), alone.training(variant))]
    for name in ("model.keras", "scores.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    histories = [pd.read_csv(each / "history.csv").drop(columns="seconds") for each in folders]
    assert histories[0].equals(histories[1])


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
    record = read_json(trained_folder(trained) / "train.json")
    best = [fold["best_epoch"] for fold in record["folds"]]
    assert record["epochs_run"] == record["best_epoch"] == max(1, round(sum(best) / 2))
    assert record["stopped_by"] == "folds"
    assert record["train_seconds"] > sum(fold["train_seconds"] for fold in record["folds"])
    names = {"model.keras", "history.csv", "train.json"}
    assert names <= {path.name for path in (trained_folder(trained) / "fold-1").iterdir()}
    assert "fold-2/scores.csv" in record["outputs"]


def test_repeats_for_the_spread_alone_change_no_other_number(
    trained: RunPaths, variant: str
) -> None:
    if not VARIANTS[variant].trains_head_only:
        pytest.skip("only where nothing but the head trains")
    more = ready_to_train(trained.home, "more", SETTINGS | {"variants": variant, "head_repeats": 2})
    execute_here("train", more, variant=variant)
    record = read_json(more.train(variant) / "train.json")
    assert [fold["round"] for fold in record["folds"]] == [1, 2, 3, 4]
    for name in ("model.keras", "fold-1/scores.csv", "fold-2/scores.csv"):
        of_one = (trained_folder(trained) / name).read_bytes()
        assert (more.train(variant) / name).read_bytes() == of_one, name
    assert (more.train(variant) / "fold-3" / "scores.csv").is_file()
    assert not (more.train(variant) / "fold-3" / "model.keras").exists()


def test_progress_says_fold_and_epoch(trained: RunPaths, variant: str) -> None:
    events = [event for event, _ in read_events(trained.progress) if event.kind == "epoch"]
    assert {event.name for event in events} == {f"train {variant}"}
    assert [event.fit for event in events][:4] == ["fold 1 of 2"] * 3 + ["fold 2 of 2"]
    assert events[-1].fit == "final fit"
    assert all(event.figures for event in events)
    begun = [event.fit for event, _ in read_events(trained.progress) if event.kind == "start"]
    assert [fit for fit in begun if fit] == ["fold 1 of 2", "fold 2 of 2", "final fit"]
    done = [event for event, _ in read_events(trained.progress) if event.kind == "done"]
    assert [event.name for event in done].count(f"train {variant}") == 1


@pytest.mark.slow
def test_retry_goes_on_with_the_folds_that_are_missing(trained: RunPaths, variant: str) -> None:
    before = [fold_scores(trained, number) for number in (1, 2)]
    history = pd.read_csv(trained_folder(trained) / "history.csv").drop(columns="seconds")
    # as a killed task leaves it: the first fold finished, nothing else
    left = trained.training(variant)
    trained_folder(trained).rename(left)
    shutil.rmtree(left / "fold-2")
    for name in ("train.json", "model.keras", "history.csv", "augmented.npy"):
        (left / name).unlink(missing_ok=True)
    model = left / "fold-1" / "model.keras"
    written_at = model.stat().st_mtime_ns
    run_stage("train", trained, variant=variant, on_line=lambda _: None)

    kept = trained_folder(trained) / "fold-1" / "model.keras"
    assert kept.stat().st_mtime_ns == written_at
    for number in (1, 2):
        assert before[number - 1].equals(fold_scores(trained, number))
    again = pd.read_csv(trained_folder(trained) / "history.csv").drop(columns="seconds")
    assert history.equals(again)


@pytest.mark.slow
def test_report_of_a_run_with_folds_is_out_of_fold(trained: RunPaths, variant: str) -> None:
    execute_here("audit", trained)
    execute_here("evaluate", trained)
    execute_here("report", trained)
    report = read_json(trained.report / "report.json")
    assert report["basis"] == "oof"
    facts = report["variants"][variant]
    assert facts["headline"]["n_images"] == 40
    assert [each["fold"] for each in facts["statistics"]["by_fold"]] == [1, 2]
    predictions = pd.read_csv(trained.evaluate / variant / "predictions.csv")
    expected = pd.concat([fold_scores(trained, number) for number in (1, 2)])
    scores = expected.query("part == 'test'").sort_values("row")["score"]
    assert np.allclose(predictions["score"], scores)
    assert facts["explanation"]["part"] == "val"
    assert report["audit"]["verdict"] in ("clean", "warning", "shortcut")
    page = (trained.report / "index.html").read_text(encoding="utf-8")
    assert "never scored" in page


def test_fold_that_does_not_exist_is_refused(trained: RunPaths, variant: str) -> None:
    from cxr_tasks.cli.main import main

    arguments = ["fold", "--run", trained.key, "--home", str(trained.home.root)]
    assert main([*arguments, "--variant", variant, "--fold", "3"], {}) == 2
    with pytest.raises(StageError, match="is not part of run"):
        run_stage("train", trained, variant="mobilenetv2_unfrozen", on_line=lambda _: None)


def test_folds_have_seeds_of_their_own() -> None:
    seeds = {fold_seed(seed, number) for seed in (1, 2) for number in (1, 2, 3)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    folds = [filled(FoldSummary, best_epoch=epoch) for epoch in (3, 9, 4, 90, 80)]
    assert final_epochs(folds, n_deciding=3) == 4
    assert final_epochs(folds, n_deciding=5) == 9
