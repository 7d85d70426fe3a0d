import base64
import io
import re
import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from PIL import Image

from cxr_tasks.reporting.chart_style import VARIANT_STYLES
from cxr_tasks.reporting.charts import draw_cost, draw_curve, draw_roc
from cxr_tasks.reporting.radiographs import SIZE_PX, data_uri
from cxr_tasks.reporting.report_record import Headline, ReportVariant
from cxr_tasks.statistics.figures_record import FigureFacts, PartMeasures, RocCurve
from cxr_tasks.variants import VARIANTS
from tests.made_facts import facts_for, filled

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4],
        "loss": [0.7, 0.5, 0.4, 0.3],
        "accuracy": [0.5, 0.7, 0.8, 0.9],
        "val_loss": [0.7, 0.6, 0.5, 0.55],
        "val_accuracy": [0.5, 0.6, 0.75, 0.7],
    }
)


def curve(history: pd.DataFrame = HISTORY, **changes: object) -> Markup:
    given = {"variant": "vanilla_cnn", "quantity": "loss", "best_epoch": 3, "min_accuracy": 0.4}
    return draw_curve(history, **{**given, **changes})  # type: ignore[arg-type]


def roc() -> Markup:
    line = RocCurve(fpr=[0.0, 0.1, 1.0], tpr=[0.0, 0.8, 1.0])
    trained = {
        name: filled(
            ReportVariant, measured={"test": facts_for(PartMeasures, roc=line, roc_auc=area)}
        )
        for name, area in zip(VARIANTS, (0.811, 0.822, 0.833, 0.844), strict=True)
    }
    drawn = draw_roc(trained, basis="test")
    assert drawn is not None
    return drawn


def cost(seconds: tuple[float, ...] = (40.0, 2.0, 12.0, 160.0)) -> Markup:
    accuracy = facts_for(FigureFacts, value=0.9, interval=[0.8, 0.95])
    headline = facts_for(Headline, accuracy=accuracy)
    trained = {
        name: filled(ReportVariant, total_seconds=second, headline=headline)
        for name, second in zip(VARIANTS, seconds, strict=True)
    }
    return draw_cost(trained, basis="test")


DRAWINGS = {"curve": curve, "roc": roc, "cost": cost}


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_data_give_the_same_drawing(name: str) -> None:
    assert DRAWINGS[name]() == DRAWINGS[name]()


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_takes_its_colours_and_type_from_the_page(name: str) -> None:
    drawing = DRAWINGS[name]()
    assert not re.search(r"#[0-9a-f]{6}", drawing.replace('href="#', ""))
    assert "var(--ink-vanilla_cnn)" in drawing
    assert "fill: var(--muted)" in drawing
    assert "font-family" not in drawing
    assert "DejaVu" not in drawing


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_names_nothing_outside_the_page(name: str) -> None:
    assert "http" not in DRAWINGS[name]()
    assert "<style" not in DRAWINGS[name]()


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_whole_and_described(name: str) -> None:
    text = DRAWINGS[name]().replace("xlink:href", "href")
    root = ET.fromstring(text)  # noqa: S314 - drawn here
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"].endswith(".")


def test_ids_of_two_drawings_never_meet() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', drawing())) for drawing in DRAWINGS.values()]
    assert all(not a & b for a, b in combinations(ids, 2))


def test_curve_marks_the_epoch_that_was_kept() -> None:
    assert "kept, epoch 3" in curve()
    assert curve(best_epoch=2) != curve()


def test_curve_of_one_epoch_can_be_seen() -> None:
    marker = re.compile(r"<use[^>]*var\(--ink-vanilla_cnn\)")
    n_of_best = len(marker.findall(curve()))
    n_of_one_epoch = len(marker.findall(curve(HISTORY.head(1), best_epoch=1)))
    assert n_of_one_epoch == n_of_best + 4  # two curves, each in the chart and in the legend


def test_curve_without_lag_is_drawn_where_there_is_one() -> None:
    name, lines = "validation, statistics without lag", re.compile(r"stroke-dasharray: 10\.2")
    history = HISTORY.assign(val_loss_no_lag=[0.6, 0.5, 0.4, 0.3], val_accuracy_no_lag=0.8)
    for quantity in ("loss", "accuracy"):
        drawing = curve(history, quantity=quantity)
        assert name in drawing
        assert len(lines.findall(drawing)) == 2  # in the chart and in the legend
    empty = HISTORY.assign(val_loss_no_lag=np.nan, val_accuracy_no_lag=np.nan)
    assert curve(empty) == curve() != curve(history)
    assert name not in curve()


def test_roc_names_the_area_of_each_variant() -> None:
    for name, area in zip(VARIANTS, ("0.811", "0.822", "0.833", "0.844"), strict=True):
        assert f"AUC {area}  {VARIANTS[name].title}" in roc()


def test_variants_differ_without_colour() -> None:
    assert len({style.dashes for style in VARIANT_STYLES.values()}) == len(VARIANTS)
    assert len({style.marker for style in VARIANT_STYLES.values()}) == len(VARIANTS)
    assert set(VARIANT_STYLES) == set(VARIANTS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_read_on_its_page(theme: str) -> None:
    page = {"light": "#ffffff", "dark": "#182126"}[theme]
    for style in VARIANT_STYLES.values():
        assert contrast(getattr(style, theme), page) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_cost_takes_trainings_of_no_time_and_of_equal_time() -> None:
    assert "<svg" in cost((0.0, 0.0, 0.0, 0.0))
    assert "<svg" in cost((5.0, 5.0, 5.0, 5.0))


def test_picture_is_a_small_jpeg_of_the_pixels() -> None:
    pixels = np.full((224, 224, 3), 40, dtype=np.uint8)
    pixels[:112] = 200
    head, code = data_uri(pixels).split(",")
    image = Image.open(io.BytesIO(base64.b64decode(code)))
    assert head == "data:image/jpeg;base64"
    assert (image.format, image.size, image.mode) == ("JPEG", (SIZE_PX, SIZE_PX), "L")
    assert np.asarray(image)[20, 20] > 150 > 100 > np.asarray(image)[140, 20]


def test_coloured_picture_stays_coloured() -> None:
    pixels = np.zeros((224, 224, 3), dtype=np.uint8)
    pixels[..., 0] = 200
    image = Image.open(io.BytesIO(base64.b64decode(data_uri(pixels).split(",")[1])))
    assert image.mode == "RGB"
