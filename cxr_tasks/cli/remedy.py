"""The command `remedy`: a run done again on images made anew, and what of its scores survives."""

import argparse
from collections.abc import Mapping, Sequence

from cxr_tasks.cli import Command, Options
from cxr_tasks.cli.run import run_watched, shorter, terminal_width
from cxr_tasks.errors import EXIT_CODE, ConfigError, CxrError, first_few
from cxr_tasks.flow.process import StageError
from cxr_tasks.runs.start import open_run, start_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.settings.config import config_from_record
from cxr_tasks.settings.model import split_list
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import find_record, require_record

_CACHED = [name for name, variant in VARIANTS.items() if variant.trains_on_features]
"""Whose frozen layers run once, so that training them again takes minutes."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", required=True, metavar="NAME", help="name of a finished run")
    parser.add_argument(
        "--only", metavar="A,B", help="of lungs, alike, both and balanced; default: all of them"
    )


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.remedies.comparing import REMEDIES, compare_remedies  # which imports much
    from cxr_tasks.remedies.page import as_lines

    run, config = open_run(home, options["run"])
    chosen = _chosen(options["only"], REMEDIES)
    variants = _check_first(run, config)
    for remedy in chosen:
        _do_again(run, config, remedy, variants, environ=environ)
    record = compare_remedies(run, config, note=print)
    print(f"\n{as_lines(record, width=terminal_width())}")
    print(f"Page: {shorter(run.remedies / 'index.html')}", flush=True)
    results = [record.remedies[name].change for name in chosen if name in record.remedies]
    return 0 if any(results) else EXIT_CODE


def _chosen(only: str | None, known: Sequence[str]) -> list[str]:
    names = list(known) if only is None else split_list(only)
    if unknown := [repr(name) for name in names if name not in known]:
        raise ConfigError(
            f"No such remedy: {first_few(unknown)}.",
            f"Remedies are {', '.join(known)}.",
            "Correct --only, or leave it out for all of them.",
        )
    return [name for name in known if name in names]


def _check_first(run: RunPaths, config: RunConfig) -> list[str]:
    """Check that a run can be done again, and return the variants that are trained again."""
    from cxr_tasks.reporting.report_record import ReportRecord

    if config.remedy != "none":
        raise ConfigError(
            f"The run {run.key!r} has a remedy already ({config.remedy}).",
            "Remedies are applied to images as they came.",
            "Name the run before it.",
        )
    report = require_record(run.report, ReportRecord)
    variants = [name for name in _CACHED if name in report.trained]
    if not variants:
        raise ConfigError(
            f"The run {run.key!r} has trained none of {', '.join(_CACHED)}.",
            "Remedies are tried with variants whose frozen layers run once: minutes, not hours.",
            f"Run the same images with --variants {','.join(_CACHED)}.",
        )
    return variants


def _do_again(
    first: RunPaths,
    config: RunConfig,
    remedy: str,
    variants: Sequence[str],
    *,
    environ: Mapping[str, str],
) -> None:
    """Run it with a remedy, unless that is finished; one that fails does not cost the others."""
    from cxr_tasks.remedies.first_run import remedied_key
    from cxr_tasks.reporting.report_record import ReportRecord

    changes = {
        "remedy": remedy,
        "variants": list(variants),
        "promote": False,
        "head_repeats": 1,  # the spread is the first run's; no score that is compared needs it
    }
    wanted = config_from_record(config.as_dict() | changes)
    run = first.home.run(remedied_key(first.key, remedy))
    print(f"\nRemedy {remedy}: run {run.key}", flush=True)
    if run.config.exists() and find_record(run.report, ReportRecord):
        _, known = open_run(run.home, run.key)
        if known == wanted:
            print("finished before", flush=True)
            return
    try:
        start_run(wanted, first.home, run.key)
        run_watched(*open_run(first.home, run.key), environ)
    except (CxrError, StageError) as err:
        if not run.config.exists():  # nothing was begun
            raise
        print(str(err), flush=True)


COMMAND = Command(
    "a run again on images made anew, against shortcuts",
    _run,
    _add_arguments,
    description="Do a finished run again on images made anew, so that shortcuts tell less: limited "
    "to the lungs, re-encoded alike, both, or in balanced pairs; and report what of its scores "
    "survives.",
)
