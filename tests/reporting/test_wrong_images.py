import base64
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_tasks.reporting.artifacts import Artifacts, read_artifacts
from cxr_tasks.reporting.mistakes import count_wrong, mistakes
from cxr_tasks.reporting.pictures import page_pictures
from cxr_tasks.reporting.plates import MAX_PLATES, SIZES_PX, embed
from cxr_tasks.reporting.report import make_report
from cxr_tasks.reporting.wrong_images import WrongGallery
from cxr_tasks.variants import VARIANTS
from tests.drawing import Drawing
from tests.drawn_run import draw_run
from tests.reporting.made_report import Made, make

NAMES = list(VARIANTS)
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=[0, 3], ids=["one split", "folds"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawing = Drawing(n_images=140, n_folds=request.param, external=not request.param)
    return make(tmp_path_factory.mktemp("wrong"), drawing)


def artifacts_of(made: Made) -> Artifacts:
    return read_artifacts(made.run, made.config)


def gallery_of(made: Made) -> WrongGallery:
    gallery: WrongGallery = page_pictures(artifacts_of(made), made.report)["wrong"]
    return gallery


def tables(made: Made) -> dict[str, pd.DataFrame]:
    found = {name: pd.read_csv(made.run.evaluate / name / "predictions.csv") for name in NAMES}
    return {name: each[each["part"] == made.report.basis] for name, each in found.items()}


def test_every_wrong_image_is_there_once_with_whoever_has_it_wrong(made: Made) -> None:
    wrong = {
        (name, row)
        for name, table in tables(made).items()
        for row in table.index[(table["score"] >= 0.5) != (table["label"] == 1)]
    }
    images = gallery_of(made).images
    shown = {(name, image.row) for image in images for name in image.wrong_by}
    assert shown == wrong
    assert len({image.row for image in images}) == len(images) > 6


def test_the_surest_mistake_comes_first(made: Made) -> None:
    found = mistakes(artifacts_of(made), made.report.basis)
    surest = max(
        abs(row["score"] - row["label"])
        for table in tables(made).values()
        for _, row in table[table["prediction"] != table["label"]].iterrows()
    )
    assert found["error"].iloc[0] == pytest.approx(surest)
    assert list(found["error"]) == sorted(found["error"], reverse=True)
    assert count_wrong(found) == made.report.wrong_by_any


def test_an_image_tells_the_probability_of_every_variant(made: Made) -> None:
    image = gallery_of(made).images[0]
    scores = {name: float(table["score"][image.row]) for name, table in tables(made).items()}
    told = {call.variant: float(call.probability.split()[0]) for call in image.calls}
    assert told == {name: pytest.approx(100 * score, abs=0.051) for name, score in scores.items()}


def test_counts_are_those_of_the_confusion_matrices(made: Made) -> None:
    counts = {(each.by, each.kind): each for each in gallery_of(made).counts}
    assert len(counts) == 3 * (1 + len(NAMES))
    for name in NAMES:
        cells = made.report.trained[name].measured[made.report.basis].confusion
        assert counts[f"by-{name}", "kind-0"].n == cells.false_positive
        assert counts[f"by-{name}", "kind-0"].total == cells.false_positive + cells.true_negative
        assert counts[f"by-{name}", "kind-1"].n == cells.false_negative
        assert counts[f"by-{name}", "kind-all"].n == cells.false_positive + cells.false_negative
    by_any = made.report.wrong_by_any
    assert by_any is not None
    assert counts["by-any", "kind-all"].n == by_any.covid + by_any.normal


def test_a_map_belongs_to_its_image_and_to_a_variant_that_has_it_wrong(made: Made) -> None:
    images = [image for image in gallery_of(made).images if image.maps]
    assert images
    for image in images:
        assert set(image.maps) <= set(image.wrong_by)
        assert {each.example.row for each in image.maps.values()} == {image.row}


def test_maps_of_final_fits_are_not_told_to_be_of_the_folds(made: Made) -> None:
    assert ("maps are of the final fits" in made.page) == (made.report.folds is not None)
    assert ("final fit:" in made.page) == (made.report.folds is not None)


def test_images_that_are_shown_twice_are_embedded_once(made: Made) -> None:
    embedded = re.findall(r'<image id="(x\d+)"', made.page)
    used = re.findall(r'<use href="#(x\d+)"', made.page)
    assert len(embedded) == len(set(embedded)) < len(used)
    assert set(embedded) == set(used)


def test_a_run_without_mistakes_says_so(tmp_path: Path) -> None:
    right = make(tmp_path, Drawing(strengths=dict.fromkeys(NAMES, 40.0)))
    assert gallery_of(right).images == ()
    assert "No variant has any of" in right.parsed.text
    assert 'class="tiles"' in right.page  # of the examples of attention


def test_images_beyond_the_room_are_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cxr_tasks.reporting.pictures.embed",
        lambda images, rows: embed(images, rows, max_bytes=20_000),
    )
    run, config = draw_run(tmp_path, Drawing(n_images=140, explained=False))
    (tmp_path / "built").mkdir()
    report = make_report(run, config, tmp_path / "built")
    page = (tmp_path / "built" / "index.html").read_text()
    by_any = report.wrong_by_any
    assert by_any is not None
    n_shown = page.count('<image id="x')
    assert 0 < n_shown < by_any.covid + by_any.normal
    assert f"there is room for {n_shown}, the surest mistakes" in page
    assert "None of them was explained" in page


@pytest.mark.parametrize(("n", "expected_px"), [(1, 224), (5, 192), (40, 96)])
def test_images_are_as_large_as_there_is_room(n: int, expected_px: int) -> None:
    plates = embed(IMAGES, range(n), max_bytes=200_000)
    uri = next(iter(plates.uris.values()))
    size = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).size
    assert size == (plates.size_px, plates.size_px) == (expected_px, expected_px)
    assert sum(map(len, plates.uris.values())) <= 200_000


def test_where_there_is_no_room_the_first_ones_stay() -> None:
    rows = [7, 3, 7, 1, *range(10, 40)]
    kept = list(embed(IMAGES, rows, max_bytes=60_000).uris)
    assert kept == list(dict.fromkeys(rows))[: len(kept)]
    assert 3 < len(kept) < 34
    assert embed(IMAGES, rows, max_bytes=60_000).size_px == SIZES_PX[-1]


def test_no_more_images_than_a_browser_bears() -> None:
    store = np.zeros((MAX_PLATES + 9, 8, 8, 3), np.uint8)
    assert len(embed(store, range(len(store)), max_bytes=10**9).uris) == MAX_PLATES
