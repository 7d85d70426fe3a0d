"""People's decisions in an ingestion: labels changed, images left out, all of it counted."""

from pathlib import Path

import pytest

from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.relabelling import read_decided, source_labels
from cxr_tasks.data.sources.left_out import DECIDED
from cxr_tasks.errors import DataError
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Progress, read_events
from cxr_tasks.volume.records import require_record
from tests.data.test_ingest import do_ingest, folder_config
from tests.image_files import class_files, make_files

COVID, NORMAL = "COVID/COVID/c0.png", "NORMAL/NORMAL/n0.jpg"
ALL = (
    f"{COVID},flip,Ann,2026-01-31,\n"
    f"{NORMAL},exclude,Bo,2026-01-31,\n"
    "COVID/COVID/c1.png,keep,Bo,2026-02-01,seen\n"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_files(tmp_path / "data", class_files())


def decisions(folder: Path, lines: str) -> str:
    path = folder / "decisions.csv"
    path.write_text("path,decision,by,when,reason\n" + lines)
    return str(path)


def test_labels_are_changed_and_images_left_out_and_counted(tmp_path: Path, data: Path) -> None:
    before, _ = do_ingest(tmp_path, folder_config(data))
    file = decisions(tmp_path, ALL)
    fingerprint, told = do_ingest(tmp_path, folder_config(data, label_decisions=file))
    home = Home(tmp_path)
    dataset, without = open_dataset(home, fingerprint), open_dataset(home, before)
    labels = dict(zip(dataset.index["path"], dataset.index["label"], strict=True))
    old = dict(zip(without.index["path"], without.index["label"], strict=True))
    assert labels == {name: label for name, label in old.items() if name != NORMAL} | {COVID: 0}
    facts = dataset.record.label_decisions
    assert facts is not None
    assert facts.content() == {
        "n_changed": 1,
        "n_left_out": 1,
        "n_kept": 1,
        "by": ["Ann", "Bo"],
        "dataset_before": before,
    }
    assert dataset.record.n_left_out_by_reason == {DECIDED: 1}
    assert dataset.record.n_by_class == {"COVID-19": 2, "normal": 3}
    assert without.record.label_decisions is None
    assert (
        "1 label was changed and 1 image left out by decisions of Ann, Bo (decisions.csv)" in told
    )
    folder = home.datasets / fingerprint
    assert source_labels(folder) == old
    kept = read_decided(folder)["COVID/COVID/c1.png"]
    assert (kept.decision.decision, kept.decision.by, kept.decision.reason) == (
        "keep",
        "Bo",
        "seen",
    )
    assert kept.source_label == 1


def test_decisions_belong_to_the_fingerprint(tmp_path: Path, data: Path) -> None:
    found = []
    for lines in (
        "",
        f"{COVID},keep,Ann,2026-01-31,\n",
        f"{COVID},flip,Ann,2026-01-31,\n",
        f"{COVID},flip,Bo,2026-01-31,\n",
    ):
        config = folder_config(data, label_decisions=decisions(tmp_path, lines))
        found.append(do_ingest(tmp_path, config)[0])
    assert len(set(found)) == 4
    assert do_ingest(tmp_path, folder_config(data))[0] == found[0]
    # an earlier decision that a later one replaces is none of it
    twice = f"{COVID},keep,Cy,2026-01-01,\n{COVID},flip,Bo,2026-01-31,\n"
    config = folder_config(data, label_decisions=decisions(tmp_path, twice))
    assert do_ingest(tmp_path, config)[0] == found[3]


def test_an_image_that_the_source_does_not_hold_is_refused(tmp_path: Path, data: Path) -> None:
    file = decisions(tmp_path, f"{COVID},flip,Ann,2026-01-31,\nc0.png,flip,Ann,2026-01-31,\n")
    with pytest.raises(DataError, match=r"does not hold: 'c0\.png'") as caught:
        do_ingest(tmp_path, folder_config(data, label_decisions=file))
    assert "COVID/COVID/c0.png" in caught.value.rule
    assert not (tmp_path / "datasets").exists()


def test_a_class_that_decisions_empty_is_refused(tmp_path: Path, data: Path) -> None:
    lines = "".join(f"COVID/COVID/c{n}.png,exclude,Ann,2026-01-31,\n" for n in range(3))
    config = folder_config(data, label_decisions=decisions(tmp_path, lines))
    with pytest.raises(DataError, match="No image of the class COVID-19"):
        do_ingest(tmp_path, config)


def test_the_stage_tells_of_them(tmp_path: Path, data: Path) -> None:
    file = decisions(tmp_path, ALL)
    config = make_config(
        {"source": "folder", "data": str(data), "label_decisions": file, "variants": "vanilla_cnn"}
    )
    run = start_run(config, Home(tmp_path / "home"), "a")
    execute("ingest", StageContext(run, config, Progress(run.progress, "ingest"), {}))
    told = [event.text for event, _ in read_events(run.progress)][-1]
    expected = "5 images, 0 rejected, 1 relabelled by decision, 1 left out: 1 image that a person's"
    assert told.startswith(expected)
    left_out = require_record(run.ingest, IngestRecord).n_left_out_by_reason
    assert left_out == {"dataset": {DECIDED: 1}}


def test_drawn_images_can_be_decided_about_too(tmp_path: Path) -> None:
    config = make_config({"phantom_images": 24})
    before = open_dataset(Home(tmp_path), do_ingest(tmp_path, config)[0])
    name = before.index["path"].iloc[0]
    file = decisions(tmp_path, f"{name},flip,Ann,2026-01-31,\n")
    changed = make_config({"phantom_images": 24, "label_decisions": file})
    after = open_dataset(Home(tmp_path), do_ingest(tmp_path, changed)[0])
    assert (before.index["label"] != after.index["label"]).tolist() == [True] + [False] * 23


def test_external_images_are_not_decided_about() -> None:
    given = {"external_source": "phantom", "label_decisions": "/x.csv"}
    external = make_config(given).external_config()
    assert external is not None
    assert external.label_decisions == ""
