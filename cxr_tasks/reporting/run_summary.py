"""What a run has done and what to know before using its numbers, for page and terminal."""

from cxr_tasks.reporting.report_record import ReportFigures
from cxr_tasks.wording import one_line, whole

NOTICE = "Research software, not a medical device: it must not decide about a patient."
_PART_OF_RECOMMENDATION = "chance"
_SMALL_NUMBERS = ("no", "one", "two", "three", "four")


def notes(report: ReportFigures) -> list[str]:
    """Return a run's notes, the gravest first, without what the recommendation says itself.

    Args:
        report: As `report_facts` returns them; older runs word their notes as they did then.
    """
    return [each.text for each in report.banners if each.kind != _PART_OF_RECOMMENDATION]


def matter_of(text: str) -> tuple[str, str]:
    """Divide a note into what names the matter, and the rest.

    The first part ends with the first colon or full stop that a blank follows.
    """
    ends = [at for mark in (": ", ". ") if (at := text.find(mark)) >= 0]
    if not ends:
        return text, ""
    end = min(ends) + 1
    return text[:end], text[end + 1 :]


def what_was_done(report: ReportFigures, *, named: bool) -> str:
    """Describe a run in a sentence: images, source, variants, split, seed.

    Args:
        report: As `report_facts` returns them.
        named: Whether the variants are listed by their names.
    """
    data = report.data
    n, n_selected = len(report.trained), len(report.config["variants"])
    number = _SMALL_NUMBERS[n] + ("" if n == n_selected else f" of {_SMALL_NUMBERS[n_selected]}")
    noun = "classifier" if n_selected == 1 else "classifiers"
    listed = f" ({', '.join(report.trained)})" if named else ""
    images = (
        "synthetic radiographs, drawn by this project"
        if data.synthetic
        else f"images of {one_line(data.description, 120)}"
    )
    grouped = report.split.kind == "grouped"
    how = "split by patients and copies" if grouped else "split image by image, as in the study"
    return (
        f"{whole(data.n_images)} {images}: {_parts(report, f'{number} {noun}{listed}')}; "
        f"{how}, seed {report.config['seed']}."
    )


def _parts(report: ReportFigures, classifiers: str) -> str:
    if report.folds:
        repeats = report.folds.n_repeats
        times = f", divided {repeats} times" if repeats > 1 else ""
        return (
            f"{classifiers} trained in {report.folds.n_folds} folds{times}, and each image "
            "was scored by models that had not seen it"
        )
    n = {part: whole(facts.n_images) for part, facts in report.split.parts.items()}
    if "test" not in n:
        return (
            f"{n['train']} trained {classifiers}, and {n['val']} both chose which epoch to "
            "keep and gave the scores"
        )
    return (
        f"{n['train']} trained {classifiers}, {n['val']} chose which epoch to keep, {n['test']} "
        "tested"
    )
