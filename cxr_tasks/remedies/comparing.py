"""A run beside the runs that did it again with a remedy, as its folders tell."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_tasks.audit.audit import read_control_scores
from cxr_tasks.audit.audit_record import AuditRecord, ControlFacts
from cxr_tasks.remedies.alike import makes_equal
from cxr_tasks.remedies.change import RULE, ToldTwice, TwiceScored, judge
from cxr_tasks.remedies.first_run import remedied_key
from cxr_tasks.remedies.page import render_page
from cxr_tasks.remedies.remedies_record import (
    RemediesFacts,
    RemediesRecord,
    RemedyChange,
    RemedyOutcome,
)
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.failure import NO_REASON, read_failure
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.settings import RunConfig
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import write_text
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Note, find_record, finish_once, require_record

REMEDIES = ("lungs", "alike", "both", "balanced")
"""In the order in which a person reads of them."""

_TEXTS = {"path": str, "part": str}


def compare_remedies(run: RunPaths, config: RunConfig, *, note: Note) -> RemediesRecord:
    """Write `remedies.json` and its page into a run's folder; nothing where nothing is new.

    Args:
        run: The first run, which is finished.
        config: Its settings.
        note: Told where what is finished is damaged and made again.
    """
    runs = {name: run.home.run(remedied_key(run.key, name)) for name in REMEDIES}
    begun = {name: each for name, each in runs.items() if each.config.exists()}
    inputs = {"report": run.report / ReportRecord.FILE}
    for name, each in begun.items():
        inputs |= {name: each.report / ReportRecord.FILE, f"{name}-error": each.error("ingest")}
    return finish_once(
        run.remedies,
        RemediesRecord,
        inputs=inputs,
        config_fingerprint=config.fingerprint,
        seed=config.seed,
        build=lambda built: _build(run, begun, built, seed=config.seed),
        note=note,
    )


def _build(
    run: RunPaths, begun: Mapping[str, RunPaths], built: Path, *, seed: int
) -> RemediesFacts:
    report = require_record(run.report, ReportRecord)
    facts = RemediesFacts(
        run=run.key,
        verdict=report.audit.verdict,
        verdict_sentence=report.audit.sentence,
        basis=report.basis,
        description=report.data.description,
        n_images=report.data.n_images,
        remedies={name: _outcome(run, report, after, seed=seed) for name, after in begun.items()},
        rule=RULE,
    )
    write_text(built / "index.html", render_page(facts))
    return facts


def _outcome(run: RunPaths, report: ReportRecord, after: RunPaths, *, seed: int) -> RemedyOutcome:
    found = find_record(after.report, ReportRecord)
    failure = _other_images(run, after) if found else _why(after)
    if found is None or failure:
        return RemedyOutcome(
            run=after.key,
            done="",
            failure=failure,
            n_images=0,
            n_left_out=0,
            verdict=None,
            verdict_sentence="",
            change=None,
        )
    return RemedyOutcome(
        run=after.key,
        done=found.data.remedy,
        failure="",
        n_images=found.data.n_images,
        n_left_out=found.data.n_left_out_by_remedy,
        verdict=found.audit.verdict,
        verdict_sentence=found.audit.sentence,
        change=_change(run, report, after, found, seed=seed),
    )


def _other_images(run: RunPaths, after: RunPaths) -> str:
    """Say so where a run was made from other images than the first one's; else return nothing."""
    first, base = (require_record(each.ingest, IngestRecord) for each in (run, after))
    if base.base == first.dataset:
        return ""
    return (
        f"The source has changed since the run {run.key}: {after.key} was made from data set "
        f"{str(base.base)[:16]}, not {first.dataset[:16]}. Run the first again under another name, "
        "and remedy that."
    )


def _why(run: RunPaths) -> str:
    """Return how a run that has no report has ended."""
    errors = sorted(run.root.rglob("*.error.json"), key=lambda path: path.stat().st_mtime)
    return read_failure(errors[-1]).first_line if errors else f"{NO_REASON} It has no report."


def _change(
    run: RunPaths, report: ReportRecord, after: RunPaths, found: ReportRecord, *, seed: int
) -> RemedyChange:
    audits = [find_record(each.audit, AuditRecord) for each in (run, after)]
    before, now = ({} if each is None else each.controls for each in audits)
    variants = {}
    for name in found.trained:
        if name in report.trained:
            scored = _scored_twice(run, after, name, report.basis)
            if len(np.unique(scored.labels)) == 2:
                variants[name] = (VARIANTS[name].title, scored)
    judged = report.audit.variant if report.audit.variant in variants else None
    return judge(
        _told_twice(run, after, before, now, remedy=found.config["remedy"]),
        variants,
        judged=judged or next(reversed(variants), None),
        newly_above_chance=[
            each.title
            for name, each in now.items()
            if _tells(each) and name in before and not _tells(before[name])
        ],
        seed=seed,
    )


def _tells(control: ControlFacts) -> bool:
    return control.role == "control" and control.above_chance


def _told_twice(
    run: RunPaths,
    after: RunPaths,
    before: Mapping[str, ControlFacts],
    now: Mapping[str, ControlFacts],
    *,
    remedy: str,
) -> dict[str, ToldTwice]:
    """Read what the controls above chance said of each image; one that is gone says nothing."""
    if not before or not now:
        return {}
    first, second = read_control_scores(run.audit), read_control_scores(after.audit)
    told = {}
    for name, control in before.items():
        if not _tells(control):
            continue
        scores = second if name in second else second.assign(**{name: 0.0})
        of_first = first.dropna(subset=name)
        both = _joined(of_first, scores.dropna(subset=name), name)
        above = name in now and now[name].above_chance
        told[name] = ToldTwice(control.title, both, above, made_equal=makes_equal(remedy, name))
    return told


def _scored_twice(run: RunPaths, after: RunPaths, variant: str, basis: str) -> TwiceScored:
    tables = []
    for each in (run, after):
        file = each.evaluate / variant / "predictions.csv"
        table = pd.read_csv(file, dtype=_TEXTS, keep_default_na=False, na_values={"cutoff": ""})
        tables.append(table[table["part"] == basis])
    return _joined(tables[0], tables[1], "score")


def _joined(first: pd.DataFrame, after: pd.DataFrame, column: str) -> TwiceScored:
    """Return the images that both tables have, in the order of the first."""
    known = after.drop_duplicates("path").set_index("path")[column]
    same = first[first["path"].isin(known.index)]
    return TwiceScored(
        labels=same["label"].to_numpy(np.int64),
        groups=same["group"].to_numpy(np.int64),
        first=same[column].to_numpy(np.float64),
        after=known.loc[same["path"]].to_numpy(np.float64),
    )
