"""All radiographs of the report's page: samples, wrong images, and what the models look at."""

from itertools import takewhile
from typing import Any

from cxr_tasks.reporting.artifacts import Artifacts
from cxr_tasks.reporting.attention import examples_of, read_maps
from cxr_tasks.reporting.mistakes import mistakes
from cxr_tasks.reporting.plates import embed
from cxr_tasks.reporting.radiographs import augmented_pairs, caption_of, samples
from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.reporting.wrong_images import WrongGallery, count_choices, wrong_images
from cxr_tasks.statistics.figures_record import ByClass
from cxr_tasks.wording import CLASS_NAMES


def page_pictures(artifacts: Artifacts, report: ReportFigures) -> dict[str, Any]:
    """Draw the page's radiographs.

    Those of its examples of attention and of its wrong images are embedded once, in `plates`.
    """
    trained, dataset = report.trained, artifacts.dataset
    maps = {
        name: read_maps(artifacts.run.evaluate / name, facts.explanation)
        for name, facts in trained.items()
        if facts.explanation is not None
    }
    attention = {name: examples_of(each) for name, each in maps.items()}
    examples = [each.example.row for of_variant in attention.values() for each in of_variant]
    wrong = list(wrong_images(artifacts, mistakes(artifacts, report.basis), maps))
    plates = embed(dataset.images, [*examples, *(image.row for image in wrong)])
    shown = tuple(takewhile(lambda image: image.row in plates.uris, wrong))
    statistics = report.shown.statistics
    of = ByClass[int](covid=statistics.n_covid, normal=statistics.n_normal)
    counts = count_choices(wrong, n_shown=len(shown), of=of, basis=report.basis)
    augmented = {name: augmented_pairs(artifacts, name) for name in trained}
    paths = dataset.index["path"]
    return {
        "samples": {label: samples(artifacts, label) for label in CLASS_NAMES},
        "augmented": {name: pair for name, pair in augmented.items() if pair},
        "plates": plates.uris,
        "wrong": WrongGallery(shown, tuple(counts)),
        "attention": attention,
        "names": {row: caption_of(paths.iloc[row]) for row in examples},
    }
