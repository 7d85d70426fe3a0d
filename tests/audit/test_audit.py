"""The audit of drawn data sets, clean and with something planted; every file is ingested."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.alarms import as_table, control_scores, controls_table, rate
from bench.audit_rates import lungs_in
from bench.planted import KINDS, Planted, draw_files
from cxr_tasks.audit.audit import audit_dataset, read_control_scores
from cxr_tasks.audit.audit_record import AuditFacts
from cxr_tasks.audit.controls import audit_controls
from cxr_tasks.audit.features import MaskedFeatures, masked_images
from cxr_tasks.audit.leakage import audit_sources
from cxr_tasks.audit.lungs_found import audit_lungs
from cxr_tasks.data.dataset import Dataset
from cxr_tasks.lungs.store import Lungs
from cxr_tasks.volume.paths import Home
from tests.audit.planted_dataset import ingest_planted
from tests.drawn_dataset import drawn_lungs

SEED = 5


@pytest.fixture(scope="module")
def clean() -> dict[str, bytes]:
    return draw_files(120, seed=SEED)


def audited(
    planted: Planted,
    folder: Path,
    *,
    kind: str = "grouped",
    features: Callable[[Dataset, Lungs], MaskedFeatures] | None = None,
) -> AuditFacts:
    dataset, split = ingest_planted(planted, folder, seed=SEED, kind=kind)
    lungs = lungs_in(dataset, Home(folder / "home"), threads=2)
    return audit_dataset(
        dataset,
        split,
        lungs,
        folds=None,
        features=features(dataset, lungs) if features else None,
        seed=SEED,
        built=folder,
    )


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
    # pixels of a JPEG tell it too
    if name in ("clean", "size"):
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
    found = audited(Planted(few), tmp_path, kind="paper")
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


def pooled_pixels(dataset: Dataset, lungs: Lungs) -> MaskedFeatures:
    """See the brightest pixel of each of 14 x 14 fields of what a backbone would see."""
    n = len(dataset.images)
    seen = {
        name: images[0:n][..., 0].reshape(n, 14, 16, 14, 16).max(axis=(2, 4)).reshape(n, -1)
        for name, images in masked_images(dataset.images, lungs).items()
    }
    return MaskedFeatures(**{name: values / 255.0 for name, values in seen.items()})


def test_marker_is_seen_outside_the_lungs_and_every_control_is_told(
    clean: dict[str, bytes], tmp_path: Path
) -> None:
    planted = KINDS["corner_marker"].plant(clean, np.random.default_rng(0))
    facts = audited(planted, tmp_path, features=pooled_pixels)
    assert facts.controls["outside_lungs"].above_chance
    assert not facts.controls["inside_lungs"].above_chance
    assert "whole_image" not in {each.check for each in facts.findings}
    assert facts.learning_curve is not None
    assert facts.learning_curve.n_images == 120
    assert facts.controls["permuted_labels"].auc == pytest.approx(0.5, abs=0.05)
    assert list(facts.controls) == [
        "metadata",
        "outside_intensity",
        "outside_lungs",
        "file_size",
        "inside_lungs",
        "whole_intensity",
        "whole_image",
        "permuted_labels",
    ]
    assert facts.lungs is not None
    assert (facts.lungs.n_given, facts.lungs.n_segmented) == (0, 120)
    assert (facts.lungs.n_not_found.covid, facts.lungs.n_not_found.normal) == (0, 0)


def test_backbone_that_sees_nothing_is_said_to_prove_nothing(
    clean: dict[str, bytes], tmp_path: Path
) -> None:
    blind = np.random.default_rng(0).normal(0, 1, (len(clean), 40))
    facts = audited(
        Planted(clean), tmp_path, features=lambda *_: MaskedFeatures(blind, blind, blind)
    )
    [about_backbone] = [each for each in facts.findings if each.check == "whole_image"]
    assert about_backbone.severity == "info"
    assert "says little" in about_backbone.message
    assert facts.learning_curve is not None
    assert facts.learning_curve.expected == []
    assert "not told from chance" in str(facts.learning_curve.reason)
    assert grave_checks(facts) == set()


def test_field_of_the_acquisition_that_tells_the_class_is_named(
    clean: dict[str, bytes], tmp_path: Path
) -> None:
    table = tmp_path / "patients.csv"
    rows = [
        f"{path},{path.rsplit('/', 1)[1][:-6]},{'AP' if path.startswith('COVID') else 'PA'},{age}"
        for age, path in enumerate(sorted(clean, key=lambda path: path.rsplit("/", 1)[1]), start=1)
    ]
    table.write_text("\n".join(["path,patient,view,age", *rows]), encoding="utf-8")
    dataset, split = ingest_planted(Planted(clean), tmp_path, seed=SEED, patients=table)
    lungs = drawn_lungs(len(split))
    found = audit_controls(dataset, split, None, lungs, features=None, seed=SEED)
    of_fields = {name: each for name, each in found.controls.items() if "acquisition" in name}
    assert list(of_fields) == ["acquisition", "acquisition_age", "acquisition_view"]
    assert of_fields["acquisition_view"].auc == 1
    assert of_fields["acquisition"].by_feature[0].feature == "view AP"
    assert not of_fields["acquisition_age"].above_chance
    assert {"acquisition", "acquisition_view"} == {
        each.check for each in found.findings if each.severity == "warning"
    }


def test_lungs_that_are_not_found_are_counted_by_class() -> None:
    split = pd.DataFrame({"label": [1] * 10 + [0] * 10})
    lungs = drawn_lungs(20)
    lungs.packed[:2] = 0
    facts, [about] = audit_lungs(lungs, split)
    assert (facts.n_given, facts.n_segmented, facts.quality) == (20, 0, None)
    assert (facts.n_not_found.covid, facts.n_not_found.normal) == (2, 0)
    assert about.severity == "warning"
    assert "2 COVID-19 and 0 normal images" in about.message
    lungs.packed[1] = 1
    assert audit_lungs(lungs, split)[1][0].severity == "info"
    assert audit_lungs(drawn_lungs(20), split)[1] == []


def test_rates_have_clopper_pearson_intervals_and_count_by_name() -> None:
    found = rate("file_format", [["metadata"], ["outside_intensity"], []])
    assert (found["n_alarms"], found["n_sets"]) == (1, 3)
    none = rate("clean", [[]] * 60)
    assert none["rate"] == 0
    assert none["interval"] == [0.0, pytest.approx(1 - 0.025 ** (1 / 60))]
    results = {"kinds": {"clean": none, "file_format": found}}
    assert "0 of 60" in as_table(results)
    assert "metadata 1, outside_intensity 1" in as_table(results)


def test_scores_of_controls_are_told_over_data_sets() -> None:
    scores = control_scores([{"metadata": auc} for auc in (0.4, 0.5, 0.6)])
    assert scores["metadata"]["mean"] == pytest.approx(0.5)
    assert 0.4 <= scores["metadata"]["low"] < 0.5 < scores["metadata"]["high"] <= 0.6
    assert "| file metadata" in controls_table({"controls_on_clean": scores})
