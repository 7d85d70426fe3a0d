"""Drift in a run: measured against the champion's data, told in its audit."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_tasks.audit.audit import make_audit
from cxr_tasks.audit.drift import drift_finding, measure_drift
from cxr_tasks.audit.drift_record import DriftCompared, DriftFacts
from cxr_tasks.audit.features import AuditInputs, MaskedFeatures
from cxr_tasks.champion.pointer import serving
from cxr_tasks.champion.versions import dataset_of
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.data.split import read_split
from cxr_tasks.runs.ingest_record import IngestFacts, WeightsFacts
from cxr_tasks.runs.start import open_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.weights import prepare_weights
from cxr_tasks.volume.paths import Home
from tests.champion.drawn_champion import draw_champion
from tests.drawing import FINGERPRINT, Drawing
from tests.drawn_run import draw_run

OTHER = "d1" * 32
LONGEST_MESSAGE = 600  # the page shows no more of a finding


@pytest.fixture(scope="module")
def drawn_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a champion, and a run on other data."""
    home = draw_champion(tmp_path_factory.mktemp("home"), n_images=80)
    draw_run(home.root, Drawing(n_images=100, first=400, fingerprint=OTHER), key="new")
    return home


@pytest.fixture
def home(drawn_home: Home, tmp_path: Path) -> Home:
    shutil.copytree(drawn_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


def inputs_of(
    home: Home,
    *,
    champion: str | None,
    dataset: str = OTHER,
    weights: WeightsFacts | None = None,
    notes: list[str] | None = None,
) -> AuditInputs:
    run, config = open_run(home, "new")
    return AuditInputs(
        run=run,
        config=config,
        dataset=open_dataset(home, dataset),
        split=read_split(run.split),
        folds=None,
        ingested=IngestFacts(
            weights=weights or WeightsFacts(origin="none", sha256="", file_name=""),
            dataset=dataset,
            external=None,
            champion=champion,
        ),
        champion_dataset=partial(dataset_of, home, champion or ""),
        note=(notes if notes is not None else []).append,
    )


def measured(
    home: Home, *, features: MaskedFeatures | None = None, **changed: Any
) -> DriftFacts | None:
    """Measure the drift of the drawn run, as its audit does."""
    return measure_drift(inputs_of(home, **changed), features)


def test_without_champion_there_is_no_drift(home: Home) -> None:
    assert measured(home, champion=None) is None


def test_champions_own_data_are_the_same_data(home: Home) -> None:
    facts = measured(home, champion=serving(home), dataset=FINGERPRINT)
    assert facts is not None
    assert (facts.status, facts.dataset) == ("same data", FINGERPRINT)
    finding = drift_finding(facts)
    assert (finding.severity, finding.check) == ("info", "drift")
    assert "so nothing can have moved" in finding.message


def test_other_data_are_compared_and_json_can_say_it(home: Home) -> None:
    facts = measured(home, champion=serving(home))
    assert isinstance(facts, DriftCompared)
    assert (facts.status, facts.champion) == ("compared", "0001-first")
    assert (facts.n_images.champion, facts.n_images.run, facts.n_new) == (80, 100, 100)
    assert json.loads(json.dumps(facts.content())) == facts.content()
    assert facts.left_out == [
        "Frozen features were not compared: this run has no pre-trained weights."
    ]
    assert facts.left_out[0] in drift_finding(facts).message


def test_random_weights_are_as_good_as_none(home: Home) -> None:
    blind = np.zeros((100, 3))
    weights = WeightsFacts(origin="random", sha256="", file_name="")
    facts = measured(
        home, champion=serving(home), weights=weights, features=MaskedFeatures(blind, blind, blind)
    )
    assert isinstance(facts, DriftCompared)
    assert "features" not in {check.figure for check in facts.checks}
    assert "no pre-trained weights" in facts.left_out[0]


@pytest.mark.parametrize("what", ["data set", "version", "damaged"])
def test_what_is_gone_is_told_and_ends_nothing(what: str, home: Home) -> None:
    version = serving(home)
    assert version is not None
    if what == "data set":
        shutil.rmtree(home.datasets / FINGERPRINT)
    elif what == "version":
        shutil.rmtree(home.champion / version)
    else:
        (home.datasets / FINGERPRINT / "images.npy").write_bytes(b"")
    facts = measured(home, champion=version)
    assert facts is not None
    assert facts.status == "not compared"
    finding = drift_finding(facts)
    assert finding.severity == "info"
    assert (FINGERPRINT if what != "version" else version) in finding.message
    assert "run the stage audit again" in finding.message
    assert len(finding.message) < LONGEST_MESSAGE


@pytest.mark.slow
def test_features_of_the_champions_images_are_this_runs_and_kept(home: Home) -> None:
    from cxr_tasks.training.keras_runtime import start_keras

    start_keras(threads=2, seed=0)
    import keras

    file = home.root / "w.weights.h5"
    keras.applications.MobileNetV2((224, 224, 3), include_top=False, weights=None).save_weights(
        file
    )
    config = make_config({"profile": "paper", "weights": str(file), "source": "phantom"})
    weights = prepare_weights(config, home, environ={}, report=lambda _: None)
    known = np.random.default_rng(0).normal(5, 1, (100, 1280))
    notes: list[str] = []
    for _ in range(2):
        facts = measured(
            home,
            champion=serving(home),
            weights=weights,
            notes=notes,
            features=MaskedFeatures(known, known, known),
        )
    assert isinstance(facts, DriftCompared)
    of_features = [check for check in facts.checks if check.figure == "features"]
    assert [check.class_name for check in of_features] == ["COVID-19", "normal"]
    # what this run is said to have is not what the network gives
    assert min(check.effect for check in of_features) > 0.9
    assert facts.left_out == []
    assert any("computed for 80 images" in note for note in notes)
    assert any("read from the cache" in note for note in notes)


def test_audit_of_a_run_holds_drift_and_its_finding(home: Home, tmp_path: Path) -> None:
    facts = make_audit(inputs_of(home, champion=serving(home)), built=tmp_path)
    assert facts.drift
    assert facts.drift.status == "compared"
    assert drift_finding(facts.drift) in facts.findings
    assert facts.controls
