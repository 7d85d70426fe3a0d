"""What the page shows beyond figures: charts, radiographs, tables of files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cxr_tasks.reporting.attention_maps import attention_pictures
from cxr_tasks.reporting.calibration_figure import draw_reliability
from cxr_tasks.reporting.documents import CardSection, Item, checklist, model_card
from cxr_tasks.reporting.drift_figure import draw_drift
from cxr_tasks.reporting.figures import CostPoint, draw_cost, draw_curve, draw_roc, has_values
from cxr_tasks.reporting.material import Material
from cxr_tasks.reporting.pair_matrix import Cell, pair_matrix
from cxr_tasks.reporting.pictures import Picture, data_uri
from cxr_tasks.variants import VARIANTS
from cxr_tasks.wording import CLASS_NAMES, PART_NAMES, one_line, percent

MAX_WRONG = 12
MAX_REJECTED = 20
N_SAMPLES = 6
_CAPTION_LENGTH = 34


@dataclass(frozen=True)
class WrongImages:
    """The images of the basis that a variant has wrong, the surest mistakes first."""

    n_wrong: int
    n_images: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Page:
    """The parts of the page that the template only has to place."""

    loss_curves: Mapping[str, Markup]
    accuracy_curves: Mapping[str, Markup]
    roc: Markup | None
    matrix: Mapping[str, Mapping[str, Cell]]
    cost: Markup
    samples: Mapping[int, tuple[Picture, ...]]
    originals: Mapping[str, tuple[Picture, ...]]
    augmented: Mapping[str, tuple[Picture, ...]]
    wrong: Mapping[str, WrongImages]
    rejected: tuple[Mapping[str, str], ...]
    reliability: Mapping[str, Markup]
    attention: Mapping[str, tuple[Picture, ...]]
    drift: Mapping[str, Markup]
    card: list[CardSection]
    checklist: list[Item]


def make_page(material: Material, report: Mapping[str, Any]) -> Page:
    """Draw everything that the report shows.

    Args:
        material: The run's artifacts.
        report: Its figures, as `report_facts` gives them.
    """
    pairs = {name: _augmented_pairs(material, name) for name in material.trainings}
    return Page(
        loss_curves=_curves(material, report, "loss"),
        accuracy_curves=_curves(material, report, "accuracy"),
        roc=_roc(material, report),
        matrix=pair_matrix(report["pairs"]),
        cost=_cost(report),
        samples={label: _samples(material, label) for label in CLASS_NAMES},
        originals={name: pair[0] for name, pair in pairs.items() if pair},
        augmented={name: pair[1] for name, pair in pairs.items() if pair},
        wrong={name: wrong_images(material, name, report["basis"]) for name in material.trainings},
        rejected=tuple(
            {str(key): str(value) for key, value in row.items()}
            for row in material.rejected.head(MAX_REJECTED).to_dict("records")
        ),
        reliability={name: _reliability(report, name) for name in material.trainings},
        attention=_attention(material, report),
        drift=draw_drift(report["audit"]["drift"]),
        card=model_card(report),
        checklist=checklist(report),
    )


def wrong_images(material: Material, variant: str, basis: str) -> WrongImages:
    """Show what a variant has wrong, at most `MAX_WRONG` images, the surest mistakes first."""
    table = material.predictions[variant]
    of_basis = table[table["part"] == basis]
    wrong = of_basis[of_basis["prediction"] != of_basis["label"]]
    surest = (wrong["score"] - wrong["label"]).abs().sort_values(ascending=False, kind="stable")
    rows = wrong.loc[surest.index].head(MAX_WRONG)
    return WrongImages(
        n_wrong=len(wrong),
        n_images=len(of_basis),
        pictures=tuple(_wrong_picture(material, row, float(row["score"])) for row in _rows(rows)),
    )


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Give rows with their place in the image store, which predictions share with the index."""
    for place, row in zip(table.index, table.to_dict("records"), strict=True):
        yield {"place": place, **{str(key): value for key, value in row.items()}}


def _wrong_picture(material: Material, row: Mapping[str, Any], score: float) -> Picture:
    truth = CLASS_NAMES[int(row["label"])]
    return _picture(
        material,
        row,
        title=f"{percent(score)} COVID-19",
        detail=f"is {truth}",
        alt=f"is {truth}, probability of COVID-19 {percent(score)}",
    )


def _picture(
    material: Material, row: Mapping[str, Any], *, title: str, detail: str, alt: str
) -> Picture:
    kind = "Synthetic radiograph" if material.dataset.record["synthetic"] else "Chest X-ray"
    name = one_line(str(row["path"]).rsplit("/", 1)[-1], _CAPTION_LENGTH)
    return Picture(
        uri=data_uri(np.asarray(material.dataset.images[int(row["place"])])),
        alt=f"{kind} {name}: {alt}",
        title=title,
        detail=detail,
        name=name,
    )


def _samples(material: Material, label: int) -> tuple[Picture, ...]:
    """Take training images evenly over the class: the same ones in every report of the run."""
    table = material.split_table
    rows = table[(table["label"] == label) & (table["part"] == "train")]
    chosen = np.unique(np.linspace(0, len(rows) - 1, N_SAMPLES).round().astype(int))
    name = CLASS_NAMES[label]
    return tuple(
        _picture(material, row, title="", detail="", alt=f"sample of class {name}")
        for row in _rows(rows.iloc[chosen])
    )


def _augmented_pairs(
    material: Material, variant: str
) -> tuple[tuple[Picture, ...], tuple[Picture, ...]] | None:
    path = material.run.train(variant) / "augmented.npy"
    if not path.exists():
        return None
    originals, augmented = np.load(path, allow_pickle=False)
    return _numbered(originals, "original"), _numbered(augmented, "augmented")


def _numbered(images: Any, kind: str) -> tuple[Picture, ...]:
    return tuple(
        Picture(
            uri=data_uri(pixels), alt=f"Training image {n}, {kind}", title="", detail="", name=""
        )
        for n, pixels in enumerate(images, start=1)
    )


def _curves(material: Material, report: Mapping[str, Any], quantity: str) -> dict[str, Markup]:
    lowest = min(
        float(history[column].min())
        for history in material.histories.values()
        for column in ("accuracy", "val_accuracy", "val_accuracy_no_lag")
        if has_values(history, column)
    )
    return {
        name: draw_curve(
            history,
            name,
            quantity=quantity,
            best_epoch=report["variants"][name]["best_epoch"],
            lowest_accuracy=max(0.0, np.floor(lowest * 10 - 0.2) / 10),
            description=_curve_in_words(history, VARIANTS[name].title, quantity),
        )
        for name, history in material.histories.items()
    }


def _curve_in_words(history: pd.DataFrame, title: str, quantity: str) -> str:
    lines = {
        name: history[column]
        for name, column in (
            ("training", quantity),
            ("validation", f"val_{quantity}"),
            ("validation under statistics without lag", f"val_{quantity}_no_lag"),
        )
        if has_values(history, column)
    }
    told = (
        f"{name} from {each.iloc[0]:.3f} to {each.iloc[-1]:.3f}" for name, each in lines.items()
    )
    return f"{title}, {quantity} over {len(history)} epochs: {', '.join(told)}."


def _roc(material: Material, report: Mapping[str, Any]) -> Markup | None:
    """Draw the ROC curves; None where they are undefined, for lack of a class."""
    basis = report["basis"]
    curves = {
        name: curve
        for name in material.trainings
        if (curve := material.comparison["variants"][name][basis]["roc"]) is not None
    }
    if not curves:
        return None
    areas = {name: report["variants"][name][f"{basis}_roc_auc"] for name in curves}
    told = ", ".join(f"{VARIANTS[name].title} {area:.3f}" for name, area in areas.items())
    return draw_roc(
        curves,
        titles={name: VARIANTS[name].title for name in curves},
        areas=areas,
        description=f"ROC curves on {PART_NAMES[basis]} images. Areas under them: {told}.",
    )


def _cost(report: Mapping[str, Any]) -> Markup:
    trained = {name: facts for name, facts in report["variants"].items() if facts["status"] == "ok"}
    points = {
        name: CostPoint(
            title=facts["title"],
            train_seconds=facts["total_seconds"],
            accuracy=facts["headline"]["accuracy"]["value"],
            interval=tuple(facts["headline"]["accuracy"]["interval"]),
        )
        for name, facts in trained.items()
    }
    told = "; ".join(
        f"{point.title} {percent(point.accuracy)} after {point.train_seconds:.1f} s"
        for point in points.values()
    )
    part = PART_NAMES[report["basis"]]
    return draw_cost(points, part=part, description=f"Accuracy against training time: {told}.")


def _reliability(report: Mapping[str, Any], variant: str) -> Markup:
    calibration = report["variants"][variant]["statistics"]["calibration"]
    told = "; ".join(
        f"said {percent(each['mean_score'])}, are {percent(each['observed'])}"
        for each in calibration["raw"]["bins"]
    )
    description = f"Reliability diagram of {VARIANTS[variant].title}. By bin: {told}."
    return draw_reliability(variant, calibration, description=description)


def _attention(material: Material, report: Mapping[str, Any]) -> dict[str, tuple[Picture, ...]]:
    paths = material.dataset.index["path"].tolist()
    return {
        name: attention_pictures(
            material.run.evaluate / name, explanation, material.dataset.images, paths
        )
        for name in material.trainings
        if (explanation := report["variants"][name]["explanation"]) is not None
    }
