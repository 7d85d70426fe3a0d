"""What a run has done and what to know before using its numbers, for page and terminal."""

from cxr_tasks.reporting.report_record import ReportFigures

NOTICE = "Research software, not a medical device: it must not decide about a patient."
_PART_OF_RECOMMENDATION = "chance"


def notes(report: ReportFigures) -> list[str]:
    """Return a run's notes, the gravest first, without what the recommendation says itself.

    Args:
        report: As `report_facts` returns them; older runs word their notes as they did then.
    """
    return [each.text for each in report.banners if each.kind != _PART_OF_RECOMMENDATION]


def what_was_done(report: ReportFigures, *, named: bool) -> str:
    """Describe a run in a sentence: images, source, variants, split, seed.

    Args:
        report: As `report_facts` returns them.
        named: Whether the variants are listed by their names.
    """
    from cxr_tasks.reporting.environment import BLANKS, make_environment

    text = make_environment().get_template("done.j2").render(report=report, named=named)
    return BLANKS.sub(" ", text).strip()
