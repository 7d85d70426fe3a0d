"""What is written about labels that look wrong: by the models, by copies, by patients."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.data.label_decisions import LabelDecision
from cxr_tasks.data.relabelling import Decided
from cxr_tasks.evaluation.label_suspects import find_label_suspects, read_label_suspects
from cxr_tasks.evaluation.label_suspects_record import LabelSuspectFacts
from cxr_tasks.evaluation.predictions import Predictions
from cxr_tasks.statistics.figures_record import ChanceTest
from cxr_tasks.statistics.scores import ScoredImages
from tests.drawing import Drawing
from tests.drawn_run import draw_run
from tests.made_facts import filled

# of the seven images the third is normal by the model; thresholds 0.7 (normal), 0.6 (COVID-19)
LABELS = [1, 1, 1, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.1, 0.2, 0.15, 0.55, 0.3]
PATHS = [f"{number}.png" for number in range(7)]


def images(seeds: list[int]) -> np.ndarray:
    return np.stack(
        [
            np.repeat(np.random.default_rng(seed).integers(0, 255, (224, 224, 1)), 3, axis=2)
            for seed in seeds
        ]
    ).astype(np.uint8)


def dataset(*, patients: str = ".......", seeds: tuple[int, ...] = tuple(range(7))) -> Any:
    """Make a data set; a dot is an unknown patient, equal seeds are equal images."""
    index = pd.DataFrame(
        {
            "path": PATHS,
            "label": LABELS,
            "patient": [letter.strip(".") for letter in patients],
            "sha256": [f"{seed:064x}" for seed in seeds],
            "phash": [f"{seed * 0x0123456789ABCDEF % 2**64:016x}" for seed in seeds],
        }
    )
    return Dataset(index, images(list(seeds)), "f", record=None)  # type: ignore[arg-type]


def find(
    data: Any,
    built: Path,
    *,
    groups: list[int] | None = None,
    scores: dict[str, list[float]] | None = None,
    beaten: tuple[str, ...] = ("a",),
    rows: list[int] | None = None,
    decided: dict[str, str] | None = None,
    calibrated: list[float] | None = None,
) -> tuple[LabelSuspectFacts, pd.DataFrame]:
    chosen = np.array(rows if rows is not None else range(7))
    labels = np.array(LABELS)[chosen]
    predictions = {
        name: Predictions(
            ScoredImages(
                labels,
                np.array(values),
                chosen,
                calibrated=None if calibrated is None else np.array(calibrated),
            ),
            chosen,
            pd.DataFrame(),
            (),
        )
        for name, values in (scores or {"a": SCORES}).items()
    }
    facts = find_label_suspects(
        data,
        pd.DataFrame({"group": groups or list(range(7))}),
        predictions,
        chances={name: filled(ChanceTest, above_chance=name in beaten) for name in predictions},
        basis="test",
        decided={
            path: Decided(LabelDecision(path, kind, "Ann", "2026-01-31"), 1)
            for path, kind in (decided or {}).items()
        },
        built=built,
    )
    return facts, read_label_suspects(built)


def test_a_label_that_the_model_contradicts_is_flagged_and_every_image_ranked(
    tmp_path: Path,
) -> None:
    facts, table = find(dataset(), tmp_path)
    assert table["rank"].tolist() == [7, 4, 1, 5, 6, 2, 3]
    assert table["suspect"].tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert table["probability"].tolist() == SCORES
    assert table["path"].tolist() == PATHS
    assert (facts.n_suspects, facts.n_by_model, facts.n_ranked, facts.n_images) == (1, 1, 7, 7)
    assert facts.thresholds is not None
    assert (facts.thresholds.normal, facts.thresholds.covid) == pytest.approx((0.7, 0.6))


def test_the_mean_is_of_variants_that_beat_chance(tmp_path: Path) -> None:
    lower, wrong = [value - 0.1 for value in SCORES], [1 - value for value in SCORES]
    scores = {"a": SCORES, "b": lower, "c": wrong}
    facts, table = find(dataset(), tmp_path, scores=scores, beaten=("a", "b"))
    assert facts.variants == ["a", "b"]
    assert table["probability"].tolist() == pytest.approx([value - 0.05 for value in SCORES])


def test_where_no_variant_beats_chance_nothing_is_ranked(tmp_path: Path) -> None:
    facts, table = find(dataset(), tmp_path, beaten=())
    assert (facts.variants, facts.thresholds, facts.n_ranked, facts.n_suspects) == ([], None, 0, 0)
    assert table["rank"].isna().all()
    assert table["probability"].isna().all()


def test_calibrated_probabilities_are_taken_where_there_are_some(tmp_path: Path) -> None:
    scaled = [(value + 0.5) / 2 for value in SCORES]
    facts, table = find(dataset(), tmp_path, calibrated=scaled)
    assert facts.calibrated
    assert table["probability"].tolist() == scaled


def test_only_images_that_were_scored_are_ranked(tmp_path: Path) -> None:
    rows = [2, 0, 4, 5]
    facts, table = find(dataset(), tmp_path, rows=rows, scores={"a": [SCORES[k] for k in rows]})
    assert (facts.n_ranked, facts.n_images) == (4, 7)
    assert table["rank"].notna().tolist() == [True, False, True, False, True, True, False]
    assert table.loc[2, "rank"] == 1
    assert table.loc[2, "probability"] == 0.1


def test_copies_with_both_labels_are_suspect_both(tmp_path: Path) -> None:
    data = dataset(seeds=(0, 1, 2, 0, 4, 5, 4))  # 0 and 3 with both labels, 4 and 6 with one
    facts, table = find(data, tmp_path, groups=[0, 1, 2, 0, 0, 5, 0])  # one group has both labels
    assert table["copy"].tolist() == ["3.png", "", "", "0.png", "", "", ""]
    assert table["suspect"].tolist() == [1, 0, 1, 1, 0, 0, 0]
    assert (facts.n_suspects, facts.n_by_copies, facts.n_by_model) == (3, 2, 1)


def test_patients_with_both_labels_are_shown_and_no_suspects(tmp_path: Path) -> None:
    facts, table = find(dataset(patients="pq.pq.."), tmp_path)
    assert table["by_patient"].tolist() == [1, 1, 0, 1, 1, 0, 0]
    assert (facts.n_suspects, facts.n_of_patients, facts.n_to_look_at) == (1, 4, 5)


@pytest.mark.parametrize("kind", ["keep", "flip"])
def test_what_somebody_has_decided_about_is_ranked_and_no_suspect(
    tmp_path: Path, kind: str
) -> None:
    facts, table = find(dataset(patients="..pp..."), tmp_path, decided={"2.png": kind})
    assert table["suspect"].sum() == 0
    assert table.loc[2, "rank"] == 1
    assert [table[name][2] for name in ("decision", "by", "when")] == [kind, "Ann", "2026-01-31"]
    assert (facts.n_suspects, facts.n_by_model, facts.n_decided, facts.n_of_patients) == (
        0,
        0,
        1,
        1,
    )


def test_a_whole_evaluation_writes_both_files(tmp_path: Path) -> None:
    run, _ = draw_run(tmp_path, Drawing(n_images=120, n_folds=3))
    table = read_label_suspects(run.evaluate)
    assert sorted(table["rank"]) == list(range(1, 121))
    assert (run.evaluate / "label_suspects.json").exists()
