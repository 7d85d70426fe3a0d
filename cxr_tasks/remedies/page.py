"""What is left of a run's scores, as a page and as lines for the terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from cxr_tasks.remedies.change_sentences import survived
from cxr_tasks.remedies.remedies_record import RemediesFacts, RemedyOutcome, VariantChange
from cxr_tasks.reporting.environment import make_environment
from cxr_tasks.reporting.run_summary import NOTICE
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.wording import UNDEFINED, VERDICT_NAMES, one_line

TITLES = {
    "lungs": "Limited to the lungs",
    "alike": "Re-encoded alike",
    "both": "Both of these",
    "balanced": "Balanced pairs",
}
"""Of each remedy, for a person."""

_PACKAGE = "cxr_tasks.remedies"
_HEADER = ("remedy", "variant", "before", "after", "survives", "useful")


def render_page(facts: RemediesFacts) -> str:
    """Fill the page of a run's remedies."""
    template = make_environment(_PACKAGE, survived=survived).get_template("remedies.html.j2")
    return template.render(facts=facts, titles=TITLES, verdict_names=VERDICT_NAMES, notice=NOTICE)


def as_lines(facts: RemediesFacts, *, width: int) -> str:
    """Lay out a run's remedies for the terminal: a table, and a sentence for each."""
    rows = [row for name, each in facts.remedies.items() for row in _rows(name, each)]
    columns = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    table = [_line(cells, columns) for cells in (_HEADER, *rows)]
    told = [
        line
        for name, each in facts.remedies.items()
        for line in textwrap.wrap(
            f"{name}: {_sentence(each)}", width, subsequent_indent="  ", break_on_hyphens=False
        )
    ]
    first = f"Run {facts.run}, verdict {VERDICT_NAMES[facts.verdict]}: its AUC and what survives"
    return "\n".join([first, "", *table, "", *told, NOTICE])


def _rows(name: str, outcome: RemedyOutcome) -> Iterator[Sequence[str]]:
    variants = outcome.change.variants if outcome.change else {}
    if outcome.change is None or not variants:
        yield (name, UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED, "no result")
        return
    for variant, each in variants.items():
        judged = variant == outcome.change.judged
        yield (name, variant, *_figures(each), outcome.change.usefulness if judged else "")


def _figures(each: VariantChange) -> tuple[str, str, str]:
    return (_value(each.first), _value(each.after), survived(each.survived_fraction) or UNDEFINED)


def _value(figure: Estimate) -> str:
    return UNDEFINED if figure.value is None else f"{figure.value:.3f}"


def _sentence(outcome: RemedyOutcome) -> str:
    if outcome.change is None:
        return one_line(outcome.failure, 400)
    verdict = VERDICT_NAMES[outcome.verdict] if outcome.verdict else UNDEFINED
    return f"{one_line(outcome.change.sentence, 900)} Verdict afterwards: {verdict}."


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
