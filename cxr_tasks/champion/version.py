"""What a version of the champion is made of: all that it needs once its run is deleted."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from cxr_tasks.champion.contest import Facts
from cxr_tasks.champion.eligibility import Challenger
from cxr_tasks.champion.store import open_version, put_version
from cxr_tasks.champion.trial import PAIRS_FILE, Decision
from cxr_tasks.errors import DamagedError
from cxr_tasks.volume.files import write_text
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.records import Note, Record
from cxr_tasks.wording import markdown, p_compared, percent, whole

_FOLD_MODELS = (
    "The comparison is of the models of its folds: this model itself, fitted after them on nearly "
    "all groups, was never scored on these data."
)


def make_version(
    challenger: Challenger,
    decision: Decision,
    *,
    before: str | None,
    now: datetime,
    compared: Path,
    note: Note,
    name: str | None = None,
) -> str:
    """Make a challenger a version of the champion; the caller holds the champion's lock.

    Args:
        challenger: The model.
        decision: Why it is promoted.
        before: The version that it replaces.
        now: When it is promoted.
        compared: The folder with the comparison's `pairs.csv`, where there was one.
        note: Told where a damaged version is made again.
        name: Of a version that was made before; None for a new one.

    Returns:
        The version's name.
    """
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
        build=lambda built: build_version(
            challenger, decision, before=before, now=now, compared=compared, built=built
        ),
        note=note,
        name=name,
    )


def make_again_if_damaged(
    challenger: Challenger, record: Record, *, compared: Path, note: Note
) -> None:
    """Make a version again, as its record says it was, if a file of it is damaged or gone.

    The caller holds the champion's lock.

    Args:
        challenger: The model it was made from.
        record: The version's.
        compared: The folder with the comparison's `pairs.csv`, if that is still there.
        note: Told if there was something to make.
    """
    try:
        open_version(challenger.run.home, record["version"])
    except DamagedError as err:
        note(warning(f"{err.problem} It is made again from the run."))
        make_version(
            challenger,
            Decision("promoted", record["decision_reason"], record["comparison"]),
            before=record["champion_before"],
            now=datetime.fromisoformat(record["promoted_at"]),
            compared=compared,
            note=note,
            name=record["version"],
        )


def build_version(
    challenger: Challenger,
    decision: Decision,
    *,
    before: str | None,
    now: datetime,
    compared: Path,
    built: Path,
) -> Record:
    """Copy the model and what is known about it into `built`, and give `version.json`'s facts.

    Args:
        challenger: The model.
        decision: Why it is promoted.
        before: The version that it replaces.
        now: When it is promoted.
        compared: The folder with the comparison's `pairs.csv`, where there was one.
        built: The folder to write into.
    """
    report = challenger.run.report
    sources = [challenger.model_file, challenger.predictions_file, report / "index.html"]
    if (compared / PAIRS_FILE).exists():
        sources.append(compared / PAIRS_FILE)
    for source in sources:
        shutil.copyfile(source, built / source.name)
    card = (report / "model_card.md").read_text(encoding="utf-8")
    lines = _promotion_lines(challenger, decision, before=before, now=now)
    section = "".join(f"- {markdown(line)}\n" for line in lines)
    write_text(built / "model_card.md", f"{card.rstrip()}\n\n## Promotion\n\n{section}")
    return _facts(challenger, decision, before=before, now=now)


def _promotion_lines(
    challenger: Challenger, decision: Decision, *, before: str | None, now: datetime
) -> list[str]:
    """Say when, against what and by which figures the model was promoted."""
    replaced = f", in place of {before}" if before else ""
    lines = [
        f"Promoted on {now.isoformat(timespec='seconds')}{replaced}.",
        decision.reason,
        *(_comparison_lines(decision.comparison) if decision.comparison else []),
    ]
    return [*lines, _FOLD_MODELS] if challenger.basis == "oof" else lines


def _comparison_lines(comparison: Facts) -> list[str]:
    figures = comparison["figures"]
    left_out = [
        f"{whole(n)} {kind.removeprefix('left out: ')}"
        for kind, n in comparison["n_left_out"].items()
        if n
    ]
    test = figures["right"]
    return [
        (
            f"Of the compared images {whole(comparison['n_same_image'])} are in the champion's own "
            "data, where its own out-of-fold or test probability counts; "
            f"{whole(comparison['n_unseen'])} were new to its saved model, which scored them. "
            f"Left out: {'; '.join(left_out) or 'none'}."
        ),
        (
            f"Accuracy at 0.5: {_against(figures['accuracy'])}; right where the other is wrong: "
            f"{test['n_only_challenger_right']} images against {test['n_only_champion_right']} "
            f"({test['test']}, p {p_compared(test['p_value'])})."
        ),
        (
            f"At each model's own cut-off: sensitivity {_against(figures['sensitivity'])}, "
            f"specificity {_against(figures['specificity'])}."
        ),
        comparison["rule"],
    ]


def _against(values: Facts) -> str:
    return f"{percent(values['challenger'])} against the champion's {percent(values['champion'])}"


def _facts(
    challenger: Challenger, decision: Decision, *, before: str | None, now: datetime
) -> dict[str, Any]:
    facts, config = challenger.facts, challenger.config
    return {
        "variant": challenger.variant,
        "title": facts["title"],
        "promoted_at": now.isoformat(timespec="seconds"),
        "profile": config.profile,
        "basis": challenger.basis,
        "dataset": challenger.dataset.fingerprint,
        "synthetic": challenger.dataset.record["synthetic"],
        "weights_origin": facts["weights_origin"],
        "temperature": facts["fixed"]["temperature"],
        "cutoff": facts["fixed"]["cutoff"],
        "min_sensitivity": config.min_sensitivity,
        "threads": config.threads,
        "seed_of_run": config.seed,
        "verdict": challenger.report["audit"]["verdict"],
        "headline": facts["headline"],
        "config": config.as_dict(),
        "champion_before": before,
        "comparison": decision.comparison,
        "decision_reason": decision.reason,
    }
