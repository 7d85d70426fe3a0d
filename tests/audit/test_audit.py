"""The audit of drawn data sets, clean and with something planted; every file is ingested."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.alarms import as_table, control_scores, controls_table, rate
from bench.audit_rates import RESULTS, _parser, _place, main
from bench.planted import KINDS, Planted, draw_files
from cxr_tasks.audit.audit import audit_dataset, read_control_scores
from cxr_tasks.audit.audit_record import AuditFacts
from cxr_tasks.audit.features import (
    MaskedFeatures,
    intensity_table,
    masked_networks,
    metadata_table,
    standardised,
    with_interactions,
)
from cxr_tasks.audit.leakage import audit_sources
from cxr_tasks.data.images import CENTRE
from tests.audit.planted_dataset import ingest_planted

SEED = 5


@pytest.fixture(scope="module")
def clean() -> dict[str, bytes]:
    return draw_files(120, seed=SEED)


def audited(planted: Planted, folder: Path) -> AuditFacts:
    dataset, split = ingest_planted(planted, folder, seed=SEED)
    return audit_dataset(dataset, split, folds=None, features=None, seed=SEED, built=folder)


def grave_checks(facts: AuditFacts) -> set[str]:
    return {each.check for each in facts.findings if each.severity != "info"}


# of what metadata tell and of what the split does, one kind each
OTHER_KINDS = ("size", "brightness", "copies")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in OTHER_KINDS else []) for name in KINDS],
)
def test_what_is_planted_is_found_and_named_and_nothing_else(
    name: str, clean: dict[str, bytes], tmp_path: Path
) -> None:
    planted = KINDS[name].plant(clean, np.random.default_rng(0))
    checks = grave_checks(audited(planted, tmp_path))
    assert bool(checks & set(KINDS[name].named)) == (name != "clean")
    if name in ("clean", "file_format", "size"):
        assert checks == set(KINDS[name].named)


def test_copy_with_the_other_label_is_an_error(clean: dict[str, bytes], tmp_path: Path) -> None:
    path = next(path for path in clean if path.startswith("COVID"))
    planted = Planted({**clean, "NORMAL/NORMAL/copy.png": clean[path]})
    facts = audited(planted, tmp_path)
    worst = facts.findings[0]
    assert (worst.check, worst.severity) == ("duplicates_across_labels", "error")
    assert path in worst.message
    assert facts.duplicates.pairs[0].kind == "bytes"
    # its group has both labels, so that no control can be asked about it
    assert facts.n_excluded_images >= 2
    scores = read_control_scores(tmp_path)
    assert scores["metadata"].isna().sum() == facts.n_excluded_images


def test_controls_are_not_asked_about_too_few_patients(tmp_path: Path) -> None:
    files = draw_files(24, seed=3)
    covid = sorted({path[:-6] for path in files if path.startswith("COVID")})[:4]
    few = {
        path: content
        for path, content in files.items()
        if path.startswith("NORMAL") or path[:-6] in covid
    }
    dataset, split = ingest_planted(Planted(few), tmp_path, seed=0, kind="paper")
    found = audit_dataset(dataset, split, folds=None, features=None, seed=0, built=tmp_path)
    assert found.controls == {}
    assert "controls" in grave_checks(found)


def test_sources_with_one_class_are_confounded_by_design() -> None:
    index = pd.DataFrame({"source": ["a", "a", "b", "b", "c", ""], "label": [1, 1, 0, 0, 1, 0]})
    facts, [finding] = audit_sources(index)
    assert (facts.n_sources, facts.n_one_class) == (3, 3)
    assert facts.known_fraction.covid == 1.0
    assert facts.known_fraction.normal == pytest.approx(2 / 3)
    assert "Confounded by design: 3 of 3 sources" in finding.message
    mixed = pd.DataFrame({"source": ["a", "a"], "label": [1, 0]})
    assert audit_sources(mixed)[1] == []
    assert audit_sources(index.assign(source=""))[1] == []


def test_metadata_are_ranks_and_kinds_and_intensity_is_measured() -> None:
    n = 8
    index = pd.DataFrame(
        {
            "width": np.arange(n) + 300,
            "height": 300,
            "mode": "L",
            "bytes": np.arange(n) * 1000,
            "format": ["PNG"] * 4 + ["JPEG"] * 4,
            "jpeg_tables": [""] * 4 + ["ab"] * 4,
            "jpeg_quantization": [0.0] * 4 + [9.0] * 4,
            "depth": ["8"] * 4 + ["16"] * 4,
        }
    )
    table = metadata_table(index)
    assert "height" not in table  # the same for all
    assert table["width"].tolist() == pytest.approx(np.linspace(-1, 1, n))
    assert table["file format JPEG"].tolist() == [0.0] * 4 + [1.0] * 4
    assert table["bit depth 16"].tolist() == [0.0] * 4 + [1.0] * 4
    image = np.zeros((2, 224, 224, 3), np.uint8)
    image[0, :22] = 255
    measured = intensity_table(image)
    assert measured["border at the top"].tolist() == [255.0, 0.0]
    assert measured["mean"][0] == pytest.approx(255 * 22 / 224)
    assert measured["thumbnail, row 1 column 1"][0] == pytest.approx(255 * 22 / 28, abs=0.5)


def test_interactions_see_what_no_column_tells_alone() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-1.0, 1.0], (200, 2))
    labels = values[:, 0] * values[:, 1]
    seen = with_interactions(standardised(values), seed=0)
    fitted = np.linalg.lstsq(seen, labels, rcond=None)[0]
    assert np.corrcoef(seen @ fitted, labels)[0, 1] > 0.99
    assert np.abs(np.corrcoef(values.T, labels)[2, :2]).max() < 0.2


def test_masks_leave_what_they_say() -> None:
    from cxr_tasks.training.keras_runtime import start_keras

    start_keras(threads=2, seed=0)
    import keras

    image = keras.Input((224, 224, 3), name="image")
    networks = masked_networks(keras.Model(image, keras.layers.Identity()(image)))
    picture = np.full((1, 224, 224, 3), 200, np.uint8)
    low, high = (round(fraction * 224) for fraction in CENTRE)
    centre = np.zeros((224, 224), np.bool_)
    centre[low:high, low:high] = True
    for name, left in (("border_blacked_out", centre), ("centre_blacked_out", ~centre)):
        seen = networks[name].predict_on_batch(picture)[0, ..., 0]
        assert (seen[left] == 200).all(), name
        assert (seen[~left] == 0).all(), name


def test_marker_outside_the_centre_is_seen_with_the_centre_blacked_out(
    clean: dict[str, bytes], tmp_path: Path
) -> None:
    planted = KINDS["corner_marker"].plant(clean, np.random.default_rng(0))
    dataset, split = ingest_planted(planted, tmp_path, seed=SEED)
    pixels = np.asarray(dataset.images)[:, ::8, ::8, 0].reshape(len(split), -1) / 255.0
    outside = np.ones((28, 28), np.bool_)
    outside[4:24, 4:24] = False
    features = MaskedFeatures(
        whole_image=pixels,
        centre_blacked_out=pixels * outside.ravel(),
        border_blacked_out=pixels * ~outside.ravel(),
    )
    facts = audit_dataset(dataset, split, folds=None, features=features, seed=0, built=tmp_path)
    assert facts.controls["centre_blacked_out"].above_chance
    assert "whole_image" not in {each.check for each in facts.findings}
    assert facts.learning_curve is not None
    assert facts.learning_curve.n_images == len(split)
    assert facts.controls["permuted_labels"].auc == pytest.approx(0.5, abs=0.05)
    assert list(facts.controls) == [
        "metadata",
        "coarse_intensity",
        "centre_blacked_out",
        "border_blacked_out",
        "whole_image",
        "permuted_labels",
    ]


def test_backbone_that_sees_nothing_is_said_to_prove_nothing(
    clean: dict[str, bytes], tmp_path: Path
) -> None:
    dataset, split = ingest_planted(Planted(clean), tmp_path, seed=SEED)
    blind = np.random.default_rng(0).normal(0, 1, (len(split), 40))
    facts = audit_dataset(
        dataset,
        split,
        folds=None,
        features=MaskedFeatures(blind, blind, blind),
        seed=0,
        built=tmp_path,
    )
    [about_backbone] = [each for each in facts.findings if each.check == "whole_image"]
    assert about_backbone.severity == "info"
    assert "says little" in about_backbone.message
    assert facts.learning_curve is not None
    assert facts.learning_curve.expected == []
    assert "not told from chance" in str(facts.learning_curve.reason)
    assert grave_checks(facts) == set()


def test_rates_have_clopper_pearson_intervals_and_count_by_name() -> None:
    found = rate("file_format", [["metadata"], ["coarse_intensity"], []])
    assert (found["n_alarms"], found["n_sets"]) == (1, 3)
    none = rate("clean", [[]] * 60)
    assert none["rate"] == 0
    assert none["interval"] == [0.0, pytest.approx(1 - 0.025 ** (1 / 60))]
    results = {"kinds": {"clean": none, "file_format": found}}
    assert "0 of 60" in as_table(results)
    assert "metadata 1, coarse_intensity 1" in as_table(results)


@pytest.mark.parametrize("arguments", [["--sets", "0"], ["--weights", "/no/such/file"]])
def test_rates_refuse_what_cannot_work(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], RESULTS),
        (["--sets", "5"], None),
        (["--images", "40"], None),
        (["--sets", "5", "--out", "x.json"], Path("x.json")),
    ],
)
def test_small_try_replaces_no_full_rates(arguments: list[str], place: Path | None) -> None:
    assert _place(_parser().parse_args(arguments)) == place


def test_scores_of_controls_are_told_over_data_sets() -> None:
    scores = control_scores([{"metadata": auc} for auc in (0.4, 0.5, 0.6)])
    assert scores["metadata"]["mean"] == pytest.approx(0.5)
    assert 0.4 <= scores["metadata"]["low"] < 0.5 < scores["metadata"]["high"] <= 0.6
    assert "| file metadata" in controls_table({"controls_on_clean": scores})
