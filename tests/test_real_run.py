"""The real images through every stage: their report has to say that its score proves nothing."""

from pathlib import Path

import pytest

from cxr_tasks.flow.process import run_stage
from cxr_tasks.runs.start import start_run
from cxr_tasks.settings.config import make_config
from cxr_tasks.volume.files import read_json
from cxr_tasks.volume.paths import Home

VARIANT = "mobilenetv2_frozen"


@pytest.mark.slow
def test_each_class_from_its_own_source_is_called_a_shortcut(
    shared_data: Path, tmp_path: Path
) -> None:
    config = make_config(
        {
            "profile": "honest",
            "source": "zip",
            "data": str(shared_data / "cxr-324.zip"),
            "patients": str(shared_data / "patients.csv"),
            "variants": VARIANT,
            "folds": 2,
            "head_repeats": 1,
            "weights": str(shared_data / "mobilenet_v2_imagenet_notop.weights.h5"),
            "epochs": 60,
            "threads": 2,
        }
    )
    run = start_run(config, Home(tmp_path), "real")
    for stage in ("ingest", "split", "audit", "train", "evaluate", "report"):
        run_stage(stage, run, variant=VARIANT if stage == "train" else None, on_line=lambda _: None)
    report = read_json(run.report / "report.json")

    audit, headline = report["audit"], report["variants"][VARIANT]["headline"]
    assert audit["verdict"] == "shortcut"
    assert audit["sentence"].startswith("This score is no evidence of detecting disease. File meta")
    assert headline["n_images"] == 324
    assert headline["accuracy"]["value"] > 0.93
    # as an earlier, independent measurement of these images found: 0.994
    assert audit["controls"]["metadata"]["accuracy"] > 0.98
    assert audit["controls"]["outside_lungs"]["auc"] > 0.95
    low, high = audit["controls"]["permuted_labels"]["interval"]
    assert low < 0.5 < high
    classes = report["data"]["classes"].values()
    assert [facts["known_patient_fraction"] for facts in classes] == [1.0, 1.0]
