"""A remedied data set by the stage that makes it: drawn radiographs, the real segmenter."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.dataset import Dataset, open_dataset
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.lungs.store import Lungs, find_lungs
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.space.run_state import run_states
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.records import require_record
from tests.one_core import on_one_core


def do(home: Home, key: str, **settings: Any) -> RunPaths:
    given = {"phantom_images": 32, "variants": "vanilla_cnn", "threads": 2, **settings}
    config = make_config(given)
    run = start_run(config, home, key)
    with on_one_core():
        for stage in ("ingest", "split"):
            execute(stage, StageContext(run, config, Progress(run.progress, stage), {}))
    return run


def dataset_of(run: RunPaths) -> Dataset:
    return open_dataset(run.home, require_record(run.ingest, IngestRecord).dataset)


def lungs_of(home: Home, key: str) -> Lungs:
    dataset = dataset_of(home.run(key))
    return find_lungs(dataset, home=home, config_fingerprint="", seed=0, note=print)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    do(home, "a")
    for remedy in ("lungs", "both"):
        do(home, f"a-{remedy}", remedy=remedy)
    return home


def test_images_limited_to_the_lungs_keep_their_lungs_and_nothing_else(home: Home) -> None:
    base, made = dataset_of(home.run("a")), dataset_of(home.run("a-lungs"))
    lungs = lungs_of(home, "a-lungs")
    for row in range(len(base.images)):
        inside = lungs.region(row)
        before, after = np.asarray(base.images[row]), np.asarray(made.images[row])
        np.testing.assert_array_equal(after[inside], before[inside])
        assert (after[~inside] != before[~inside]).mean() > 0.5
    pd.testing.assert_frame_equal(made.index, base.index)


def test_its_record_says_what_it_was_made_from(home: Home) -> None:
    base, made = dataset_of(home.run("a")), dataset_of(home.run("a-lungs"))
    remedy = made.record.remedy
    assert remedy is not None
    assert (remedy.name, remedy.base) == ("lungs", base.fingerprint)
    assert remedy.n_left_out_by_class == {"COVID-19": 0, "normal": 0}
    assert base.record.remedy is None
    assert made.record.n_by_class == base.record.n_by_class


def test_the_lungs_are_those_of_the_images_as_they_came(home: Home) -> None:
    keys = {
        find_lungs(
            dataset_of(home.run(key)), home=home, config_fingerprint="", seed=0, note=print
        ).key
        for key in ("a", "a-lungs", "a-both")
    }
    assert len(keys) == 1


def test_both_also_makes_all_files_alike(home: Home) -> None:
    made = dataset_of(home.run("a-both")).index
    columns = ["width", "height", "mode", "format", "jpeg_tables", "jpeg_quantization", "depth"]
    assert len(made[columns].drop_duplicates()) == 1
    assert set(made["format"]) == {"JPEG"}


def test_the_split_is_that_of_the_first_run(home: Home) -> None:
    splits = [
        (home.run(key).split / "split.csv").read_bytes() for key in ("a", "a-lungs", "a-both")
    ]
    assert splits[0] == splits[1] == splits[2]


def test_the_run_needs_the_data_set_before_too(home: Home) -> None:
    base = dataset_of(home.run("a")).fingerprint
    [state] = [state for state in run_states(home) if state.run.key == "a-lungs"]
    assert base in state.datasets


def test_what_is_there_is_not_made_again_and_what_is_gone_is(home: Home) -> None:
    folder: Path = home.datasets / dataset_of(home.run("a-lungs")).fingerprint
    made_at = (folder / "images.npy").stat().st_mtime_ns
    do(home, "a-lungs", remedy="lungs")
    assert (folder / "images.npy").stat().st_mtime_ns == made_at
    content = (folder / "images.npy").read_bytes()
    (folder / "images.npy").unlink()
    do(home, "a-lungs", remedy="lungs")
    assert (folder / "images.npy").read_bytes() == content
