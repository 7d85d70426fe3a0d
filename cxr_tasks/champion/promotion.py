"""Stage `promote`: the run's recommended model takes the champion's place if it is better."""

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from cxr_tasks.champion.approval import held_to_answer
from cxr_tasks.champion.challenges import challenger_digest
from cxr_tasks.champion.decision import PAIRS_FILE, Decision, decide
from cxr_tasks.champion.describe import fill_text
from cxr_tasks.champion.eligibility import Challenger, lacking, objections, open_challenger
from cxr_tasks.champion.pointer import (
    changing,
    history,
    retired_versions,
    retirement,
    serve,
    serving,
)
from cxr_tasks.champion.promotion_record import PromotionFacts
from cxr_tasks.champion.version_record import VersionFacts
from cxr_tasks.champion.versions import (
    put_version,
    remove_unserved,
    require_champion,
    run_key_of,
    version_record,
    versions,
)
from cxr_tasks.errors import DamagedError
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.reporting.report_record import LABELS_PAGE
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import sha256_of, write_text
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import Note
from cxr_tasks.wording import PART_NAMES, decimal, decimals, percent


@dataclass(frozen=True)
class Promotion:
    """A challenger that is made a version of the champion."""

    challenger: Challenger
    decision: Decision  # why it is promoted
    before: str | None  # the version that it replaces
    at: datetime  # when it is promoted
    pairs_folder: Path  # holds the comparison's `pairs.csv`, where there was one


def make_promotion(
    run: RunPaths, config: RunConfig, *, score: Score, now: datetime, note: Note, built: Path
) -> PromotionFacts:
    """Let the run's recommended model serve if it may be promoted and is better.

    A try that was killed is resumed: what it promoted stays promoted, once, and a model is never
    compared with itself.

    Raises:
        ArtifactError: A file of the run or of the champion is missing, damaged or of a newer
            version of the project.
    """
    home = run.home
    with changing(home):
        remove_unserved(home, run.key)
        before = serving(home)
        if lack := lacking(run, config):
            return _record(Decision("refused", lack), None, before=before)
        challenger = open_challenger(run, config)
        if earlier := promoted_before(challenger, built):
            return earlier
        decision = decide_challenge(challenger, score=score, note=note, built=built)
        if config.approval and decision.decision == "promoted":
            decision = held_to_answer(decision, run, champion=before)
        version = None
        if decision.decision == "promoted":
            promotion = Promotion(challenger, decision, before, now, built)
            version = make_version(promotion, note=note)
            serve(
                home,
                version,
                action="promoted",
                reason=decision.reason,
                now=now,
                approval=decision.approval,
            )
        return _record(decision, challenger.variant, before=before, version=version)


def make_version(promotion: Promotion, *, note: Note, name: str | None = None) -> str:
    """Make a challenger a version of the champion; the caller holds the champion's lock.

    Returns its name: a new one, or `name` where a version is made again.
    """
    challenger = promotion.challenger
    run, config = challenger.run, challenger.config
    return put_version(
        run.home,
        run.key,
        inputs={
            "model": challenger.model_file,
            "predictions": challenger.predictions_file,
            "report": run.report / "report.json",
        },
        config_fingerprint=config.fingerprint,
        seed=config.seed,
        build=partial(_build_version, promotion),
        note=note,
        name=name,
    )


def _build_version(promotion: Promotion, built: Path, name: str) -> VersionFacts:
    """Copy the model and what is known about it into `built`, and return `version.json`'s facts."""
    challenger, decision = promotion.challenger, promotion.decision
    report, pairs = challenger.run.report, promotion.pairs_folder / PAIRS_FILE
    sources = [challenger.model_file, challenger.predictions_file, report / "index.html"]
    # which run without comparison, or of an older version, does not have
    sources += [path for path in (report / LABELS_PAGE, pairs) if path.exists()]
    for source in sources:
        shutil.copyfile(source, built / source.name)
    shown, config, fixed = challenger.report.shown, challenger.config, challenger.fixed
    facts = VersionFacts(
        variant=challenger.variant,
        title=shown.title,
        promoted_at=promotion.at.isoformat(timespec="seconds"),
        profile=config.profile,
        basis=challenger.report.basis,
        dataset=challenger.dataset.fingerprint,
        synthetic=challenger.dataset.record.synthetic,
        weights_origin=shown.weights_origin,
        temperature=fixed.temperature,
        cutoff=fixed.cutoff,
        min_sensitivity=config.min_sensitivity,
        threads=config.threads,
        seed_of_run=config.seed,
        verdict=challenger.report.audit.verdict,
        headline=shown.headline,
        config=config.as_dict(),
        champion_before=promotion.before,
        comparison=decision.comparison,
        decision_reason=decision.reason,
        version=name,
        run_key=challenger.run.key,
        approval=decision.approval,
    )
    card = (report / "model_card.md").read_text(encoding="utf-8")
    write_text(built / "model_card.md", fill_text("promotion.md.j2", card=card, version=facts))
    return facts


def promoted_before(challenger: Challenger, built: Path) -> PromotionFacts | None:
    """Return the record of an earlier try that made a version of this very model and let it serve.

    Whether the version is still whole is checked afterwards, by `restore_version`.
    """
    home = challenger.run.home
    of_run = [name for name in versions(home) if run_key_of(name) == challenger.run.key]
    for name in reversed(of_run):
        pairs = home.champion / name / PAIRS_FILE
        try:
            record = version_record(home, name)
        except DamagedError:
            if found := _promoted_by_history(challenger, name):
                return found
            continue
        if record.outputs["model.keras"] != challenger.model_digest:
            continue
        if pairs.exists() and sha256_of(pairs) == record.outputs.get(PAIRS_FILE):
            shutil.copyfile(pairs, built / PAIRS_FILE)
        decision = Decision("promoted", record.decision_reason, record.comparison, record.approval)
        return _record(decision, record.variant, before=record.champion_before, version=name)
    return None


def _promoted_by_history(challenger: Challenger, name: str) -> PromotionFacts | None:
    """Return what the history says of a version whose own record is damaged, if it is this model.

    What it was compared with is lost with the record.
    """
    model = challenger.run.home.champion / name / "model.keras"
    if not model.is_file() or sha256_of(model) != challenger.model_digest:
        return None
    for entry in history(challenger.run.home):
        if (entry.version, entry.action) == (name, "promoted"):
            decision = Decision("promoted", entry.reason, approval=entry.approval)
            return _record(decision, challenger.variant, before=entry.before, version=name)
    return None


def decide_challenge(challenger: Challenger, *, score: Score, note: Note, built: Path) -> Decision:
    """Decide what would become of a challenger, whatever a person says; the caller holds the lock.

    What is compared goes into `built`.
    """
    objected = [*objections(challenger), *_same_as_retired(challenger)]
    if objected:
        return Decision("refused", " ".join(objected))
    if serving(challenger.run.home):
        champion = require_champion(challenger.run.home)
        decision = decide(challenger, champion, score=score, note=note, built=built)
    else:
        decision = Decision("promoted", _first_reason(challenger))
    if (decided := challenger.report.label_decisions) and decided.changes_data:
        said = f"In its data {decided.in_words(decided.file_name)}."
        decision = replace(decision, reason=f"{decision.reason} {said}")
    if decision.decision != "promoted" or challenger.report.audit.verdict != "shortcut":
        return decision
    remark = (
        "Promoted in spite of the audit, since allow_shortcut is set: the verdict is shortcut, so "
        "its scores are no evidence of detecting disease."
    )
    return replace(decision, reason=f"{decision.reason} {remark}")


def _same_as_retired(challenger: Challenger) -> list[str]:
    """Object to this very model where it was retired; a person may let it serve, a run may not."""
    home, own = challenger.run.home, challenger.digest
    for name, entry in retired_versions(home).items():
        try:
            outputs = version_record(home, name).outputs
        except DamagedError:
            continue
        if own == challenger_digest(outputs["model.keras"], outputs["predictions.csv"]):
            objection = (
                f"It is the model of {name}, which was retired {entry.in_words()}; champion "
                f"--roll-back {name} lets it serve again."
            )
            return [objection]
    return []


def _first_reason(challenger: Challenger) -> str:
    retired = retirement(challenger.run.home)
    since = f" since {retired.version} was retired {retired.in_words()}" if retired else ""
    headline = challenger.report.shown.headline
    accuracy, auc = headline.accuracy, headline.roc_auc
    return (
        f"The first champion{since}: there was none to compare with. On {headline.n_images} "
        f"{PART_NAMES[headline.basis]} images its accuracy is {percent(accuracy.value)}, its "
        f"AUC {decimal(auc.value)} ({decimals(auc.interval)})."
    )


def _record(
    decision: Decision, variant: str | None, *, before: str | None, version: str | None = None
) -> PromotionFacts:
    return PromotionFacts(
        **vars(decision), variant=variant, champion_before=before, version=version
    )
