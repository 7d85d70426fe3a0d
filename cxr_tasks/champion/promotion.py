"""Stage `promote`: the run's recommended model takes the champion's place if it is better."""

import shutil
from datetime import datetime
from pathlib import Path

from cxr_tasks.champion.challenges import challenger_digest
from cxr_tasks.champion.eligibility import Challenger, lacking, objections, open_challenger
from cxr_tasks.champion.pointer import (
    PROMOTED,
    changing,
    retired_versions,
    retirement,
    serve,
    serving,
)
from cxr_tasks.champion.store import (
    Champion,
    find_champion,
    open_version,
    remove_unserved,
    run_key_of,
    version_record,
    versions,
)
from cxr_tasks.champion.trial import PAIRS_FILE, Decision, identity_of, try_challenger
from cxr_tasks.champion.version import make_again_if_damaged, make_version
from cxr_tasks.errors import DamagedError
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import Note, Record
from cxr_tasks.wording import PART_NAMES, decimal, decimals, one_line, percent


def make_promotion(
    run: RunPaths, config: RunConfig, *, score: Score, now: datetime, note: Note, built: Path
) -> Record:
    """Let the run's recommended model serve if it may be promoted and is better.

    A try that was killed is gone on with: what it promoted stays promoted, once, and a model is
    never compared with itself.

    Args:
        run: A finished run.
        config: Its configuration.
        score: Gives the probability of some rows of an image store by a saved model.
        now: When it is promoted.
        note: Told what a watching person wants to know.
        built: The folder to write into: `pairs.csv`, what each image was to the comparison.

    Returns:
        The facts of `promote.json`: `decision` (promoted, kept, refused), `reason`, `variant`,
        `champion_before`, `version`, `comparison`.

    Raises:
        ArtifactError: A file of the run or of the champion is missing, damaged or of a newer
            version of the project.
    """
    home = run.home
    with changing(home):
        remove_unserved(home, run.key)
        before = serving(home)
        lack = lacking(run, config)
        if lack:
            return _record(Decision("refused", lack), None, before=before)
        challenger = open_challenger(run, config)
        promoted = _promoted_before(home, challenger, built=built, note=note)
        if promoted:
            return _repeat(promoted, built)
        decision = _judge(challenger, score=score, note=note, built=built)
        version = None
        if decision.decision == "promoted":
            version = make_version(
                challenger, decision, before=before, now=now, compared=built, note=note
            )
            serve(home, version, action=PROMOTED, reason=decision.reason, now=now)
        return _record(decision, challenger.variant, before=before, version=version)


def _promoted_before(
    home: Home, challenger: Challenger, *, built: Path, note: Note
) -> Champion | None:
    """Find the version that an earlier try has made of this very model, and let serve.

    One that is damaged is made again.
    """
    of_run = [name for name in versions(home) if run_key_of(name) == challenger.run.key]
    for name in reversed(of_run):
        record = version_record(home, name)
        if record["outputs"]["model.keras"] == challenger.model_digest:
            make_again_if_damaged(challenger, record, compared=built, note=note)
            return open_version(home, name)
    return None


def _repeat(version: Champion, built: Path) -> Record:
    """Tell what an earlier try has done, as it would have told it."""
    record = version.record
    if PAIRS_FILE in record["outputs"]:
        shutil.copyfile(version.folder / PAIRS_FILE, built / PAIRS_FILE)
    decision = Decision("promoted", record["decision_reason"], record["comparison"])
    return _record(
        decision, record["variant"], before=record["champion_before"], version=version.name
    )


def _judge(challenger: Challenger, *, score: Score, note: Note, built: Path) -> Decision:
    objected = [*objections(challenger), *_retired_alike(challenger)]
    if objected:
        return Decision("refused", " ".join(objected))
    champion = find_champion(challenger.run.home)
    if champion is None:
        decision = Decision("promoted", _first_reason(challenger))
    else:
        decision = try_challenger(challenger, champion, score=score, note=note, built=built)
    return _with_remark(decision, challenger)


def _retired_alike(challenger: Challenger) -> list[str]:
    """Report that this very model was retired, if so; a person may let it serve, a run may not."""
    home, own = challenger.run.home, identity_of(challenger)
    for name, entry in retired_versions(home).items():
        try:
            outputs = version_record(home, name)["outputs"]
        except DamagedError:
            continue
        if own == challenger_digest(
            model=outputs["model.keras"], predictions=outputs["predictions.csv"]
        ):
            told = (
                f"It is the model of {name}, which was retired on {entry['at']} "
                f"({one_line(entry['reason'], 300)}); champion --roll-back {name} lets it serve "
                "again."
            )
            return [told]
    return []


def _first_reason(challenger: Challenger) -> str:
    retired = retirement(challenger.run.home)
    opening = (
        "The first champion: there was none to compare with."
        if retired is None
        else f"The first champion since {retired['version']} was retired on {retired['at']} "
        f"({one_line(retired['reason'], 300)}): there was none to compare with."
    )
    headline = challenger.facts["headline"]
    accuracy, auc = headline["accuracy"], headline["roc_auc"]
    return (
        f"{opening} On {headline['n_images']} {PART_NAMES[challenger.basis]} images its accuracy "
        f"is {percent(accuracy['value'])}, its AUC {decimal(auc['value'])} "
        f"({decimals(auc['interval'])})."
    )


def _with_remark(decision: Decision, challenger: Challenger) -> Decision:
    """Say where a model is promoted in spite of the audit."""
    if decision.decision != "promoted" or not challenger.is_shortcut:
        return decision
    remark = (
        "Promoted in spite of the audit, since allow_shortcut is set: the verdict is shortcut, so "
        "its scores are no evidence of detecting disease."
    )
    return Decision("promoted", f"{decision.reason} {remark}", decision.comparison)


def _record(
    decision: Decision, variant: str | None, *, before: str | None, version: str | None = None
) -> Record:
    return {
        "decision": decision.decision,
        "reason": decision.reason,
        "variant": variant,
        "champion_before": before,
        "version": version,
        "comparison": decision.comparison,
    }
