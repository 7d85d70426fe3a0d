"""The page of runs side by side: their figures as bars, their curves, and the tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cxr_tasks.site.comparison import LETTERS, ComparedRun, Comparison
from cxr_tasks.site.histories import HISTORY_MEASURES, History, read_histories
from cxr_tasks.site.line_chart import Curve, LineChart, draw_lines, range_of
from cxr_tasks.site.paired_tests import PairedTests, RunPair
from cxr_tasks.site.run_facts import MEASURES, Measure, VariantFacts
from cxr_tasks.site.scored_runs import ScoredRun, read_scored, same_images
from cxr_tasks.site.spreads import MeanSd, mean_sd, seed_groups, within_run
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home
from cxr_tasks.wording import decimal, percent

MEASURE_TITLES: dict[Measure, str] = {
    "accuracy": "Accuracy",
    "roc_auc": "ROC AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 2.5), (9, 3, 2, 3), (4, 2), (1, 3))
"""Of each run's curves, so that they are told apart without colours too."""

_MAX_POINTS = 240
"""Of a curve; more are not seen at its width."""


@dataclass(frozen=True)
class Bar:
    """A figure with its ends on an axis, in percent of its width."""

    figure: Estimate
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class RunRow:
    """One variant of one run."""

    run: ComparedRun
    facts: VariantFacts
    bars: dict[Measure, Bar | None]
    within: dict[Measure, dict[str, MeanSd]]  # over folds and repeats


@dataclass(frozen=True)
class SeedRow:
    """One variant over runs that differ in the seed alone."""

    letters: str
    figures: dict[Measure, MeanSd | None]


@dataclass(frozen=True)
class VariantBlock:
    """One variant in all runs."""

    name: str
    rows: tuple[RunRow, ...]
    seeds: tuple[SeedRow, ...]
    charts: tuple[LineChart, ...]
    n_folds: dict[str, int] = field(default_factory=dict)  # by the run's letter


@dataclass(frozen=True)
class ComparePage:
    """All that the page shows."""

    comparison: Comparison
    blocks: tuple[VariantBlock, ...]
    floors: dict[Measure, float]  # where each measure's axis begins; it ends at 1
    pairs: tuple[RunPair, ...]
    untested: tuple[str, ...]  # runs by letter, with the variants whose predictions cannot be read
    others: tuple[str, ...]  # the names of runs that could be added


def make_compare_page(
    home: Home, comparison: Comparison, tests: PairedTests, *, others: Sequence[str]
) -> ComparePage:
    """Put together what the page of a comparison shows.

    Args:
        home: The shared volume.
        comparison: The runs, two at least.
        tests: The paired tests, which keep what they have reckoned.
        others: Names of the runs that could be added.
    """
    runs = comparison.runs
    floors = {measure: _floor(runs, measure) for measure in MEASURES}
    scored = [read_scored(home.run(run.facts.key), run.report) for run in runs]
    grounds = same_images(scored, [run.report for run in runs])
    seeds = seed_groups([run.record for run in runs])
    shown = [name for name in VARIANTS if any(run.report.variants[name].is_ok for run in runs)]
    return ComparePage(
        comparison=comparison,
        blocks=tuple(_block(home, name, runs, floors, seeds) for name in shown),
        floors=floors,
        pairs=tuple(tests.compare(grounds)),
        untested=tuple(
            f"{run.letter} ({which})"
            for run, each in zip(runs, scored, strict=True)
            if (which := _unread(run, each))
        ),
        others=tuple(others),
    )


def _unread(run: ComparedRun, scored: ScoredRun | None) -> str:
    """Name the variants that have figures but no predictions to test; empty for none."""
    measured = [name for name in VARIANTS if run.report.variants[name].is_ok]
    if scored is None:
        return "every variant"
    return ", ".join(VARIANTS[name].title for name in measured if name not in scored.scores)


def _block(
    home: Home,
    name: str,
    runs: Sequence[ComparedRun],
    floors: dict[Measure, float],
    seeds: Sequence[tuple[int, ...]],
) -> VariantBlock:
    histories = {
        run.letter: read_histories(home.run(run.facts.key), name)
        for run in runs
        if run.report.variants[name].is_ok
    }
    folds = {
        letter: max((h.n_folds for h in each.values()), default=0)
        for letter, each in histories.items()
    }
    return VariantBlock(
        name=name,
        rows=tuple(_row(run, name, floors) for run in runs),
        seeds=tuple(row for group in seeds if (row := _seed_row(group, runs, name))),
        charts=tuple(
            chart for measure in HISTORY_MEASURES if (chart := _chart(measure, histories))
        ),
        n_folds={letter: n for letter, n in folds.items() if n},
    )


def _row(run: ComparedRun, name: str, floors: dict[Measure, float]) -> RunRow:
    facts = run.report.variants[name]
    return RunRow(
        run=run,
        facts=facts,
        bars={each: _bar(facts.figure(each), floors[each]) for each in MEASURES},
        within={each: within_run(run.record, name, each) for each in MEASURES},
    )


def _seed_row(group: Sequence[int], runs: Sequence[ComparedRun], name: str) -> SeedRow | None:
    members = [runs[at] for at in group if runs[at].report.variants[name].is_ok]
    figures = {
        each: mean_sd([run.report.variants[name].figure(each).value for run in members])
        for each in MEASURES
    }
    if not any(figures.values()):
        return None
    return SeedRow(", ".join(run.letter for run in members), figures)


def _floor(runs: Sequence[ComparedRun], measure: Measure) -> float:
    """Return a tenth below all intervals of a measure, at most 0.9."""
    figures = [run.report.variants[name].figure(measure) for run in runs for name in VARIANTS]
    ends = [
        end for each in figures for end in (each.value, *(each.interval or ())) if end is not None
    ]
    least = min(ends, default=0.5)
    return max(0, min(9, int(least * 10 - 1e-9))) / 10


def _bar(figure: Estimate, floor: float) -> Bar | None:
    if figure.value is None:
        return None
    low, high = figure.interval or (figure.value, figure.value)
    at, low, high = (
        round(100 * min(1.0, max(0.0, (end - floor) / (1 - floor))), 1)
        for end in (figure.value, low, high)
    )
    return Bar(figure, at, low, high)


def _chart(measure: str, histories: dict[str, dict[str, History]]) -> LineChart | None:
    curves = [
        _curve(letter, found[measure]).thinned(_MAX_POINTS)
        for letter, found in histories.items()
        if measure in found
    ]
    if not curves:
        return None
    values = [y for curve in curves for _, y in curve.points]
    values += [end for curve in curves for ends in curve.band for end in ends]
    is_share = measure == "val_accuracy"
    return draw_lines(
        curves,
        title=HISTORY_MEASURES[measure],
        x_label="epoch",
        y_range=range_of(values),
        text=percent if is_share else decimal,
        tick_text=(lambda value: f"{100 * value:.4g} %") if is_share else "{:g}".format,
        description=f"{HISTORY_MEASURES[measure]} by epoch: {'; '.join(c.name for c in curves)}.",
    )


def _curve(letter: str, history: History) -> Curve:
    over = f", mean of {history.n_folds} trainings of folds" if history.n_folds else ""
    return Curve(
        f"{letter}{over}",
        list(zip(history.epochs, history.values, strict=True)),
        ink=f"var(--run-{letter.lower()})",
        dashes=DASHES[LETTERS.index(letter)],
        band=list(zip(history.low, history.high, strict=True)),
    )
