"""The challenger's trial: both models on the images that neither has seen, and the decision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxr_tasks.champion.challenges import (
    FIXED,
    LEVEL,
    Challenge,
    challenger_digest,
    confidence_of,
    percent_of,
    register,
)
from cxr_tasks.champion.contest import (
    MIN_IMAGES_PER_CLASS,
    RULE,
    Answers,
    Contest,
    Facts,
    compare,
    figures_sentence,
    is_too_small,
    outcome,
)
from cxr_tasks.champion.eligibility import Challenger
from cxr_tasks.champion.pairing import LEFT_OUT, SAME_IMAGE, UNSEEN, Pairing, Side, pair_images
from cxr_tasks.champion.store import Champion, read_predictions
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.errors import ArtifactError
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.records import Note
from cxr_tasks.volume.tables import write_table
from cxr_tasks.wording import decimals

PAIRS_FILE = "pairs.csv"

Verdict = Literal["promoted", "kept", "refused"]
_FIGURES = ("score", "calibrated", "cutoff")


@dataclass(frozen=True)
class Decision:
    """What becomes of a challenger.

    Attributes:
        decision: `kept`: the champion stays, for lack of proof; `refused`: nothing more is asked.
        reason: One or two sentences with the figures.
        comparison: What was compared and found; None where nothing was.
    """

    decision: Verdict
    reason: str
    comparison: Facts | None = None


def try_challenger(
    challenger: Challenger, champion: Champion, *, score: Score, note: Note, built: Path
) -> Decision:
    """Compare both models, write `pairs.csv` into `built`, and decide by the rule.

    Args:
        challenger: A model that may be promoted.
        champion: The model in service.
        score: Gives the probability of some rows of an image store by a saved model; called only
            where the champion has not said anything of an image yet.
        note: Told what a watching person wants to know.
        built: The folder to write into.

    Raises:
        ArtifactError: The champion's data set is damaged or gone, or predictions and data set do
            not belong together. Nothing is decided then.
    """
    try:
        dataset = open_dataset(challenger.run.home, champion.record["dataset"])
    except ArtifactError as err:
        raise _not_comparable(champion, err) from err
    own = Side(challenger.dataset, read_predictions(challenger.predictions_file), challenger.basis)
    other = Side(dataset, champion.predictions(), champion.record["basis"])
    pairing = pair_images(own, other)
    pairs = _answers(pairing, own, other)
    _ask_champion(pairs, pairing, challenger, champion, score, note)
    write_table(pairs, built / PAIRS_FILE)
    return _decide(pairs, _counts(pairing, own, other), challenger, champion)


def identity_of(challenger: Challenger) -> str:
    """Name a challenger by its model and by what that says of each image."""
    predictions = sha256_of(challenger.predictions_file)
    return challenger_digest(model=challenger.model_digest, predictions=predictions)


def _not_comparable(champion: Champion, err: ArtifactError) -> ArtifactError:
    return ArtifactError(
        f"{champion.name} cannot be compared with, since its images are not to be had: "
        f"{err.problem}",
        "A challenger is compared with the champion on the images of both.",
        "Restore that folder from a backup, or ingest the same images again with the configuration "
        f"in {champion.folder / 'version.json'}; then run promote again.",
    )


def _answers(pairing: Pairing, own: Side, other: Side) -> pd.DataFrame:
    """Lay side by side what both have said; empty where the champion has said nothing yet."""
    pairs = own.table[["path", "label"]].assign(group=pairing.groups, kind=pairing.kinds)
    rows = np.flatnonzero(pairing.kinds == SAME_IMAGE)
    theirs = other.table.iloc[pairing.champion_rows[rows]]
    pairs["champion_path"] = ""
    pairs.loc[rows, "champion_path"] = theirs["path"].to_numpy()
    for figure in _FIGURES:
        pairs[f"challenger_{figure}"] = own.table[figure]
        pairs[f"champion_{figure}"] = np.nan
        pairs.loc[rows, f"champion_{figure}"] = theirs[figure].to_numpy()
    return pairs


def _ask_champion(
    pairs: pd.DataFrame,
    pairing: Pairing,
    challenger: Challenger,
    champion: Champion,
    score: Score,
    note: Note,
) -> None:
    """Let the champion's saved model score the images that are new to it."""
    rows = np.flatnonzero(pairing.kinds == UNSEEN)
    if not len(rows):
        return
    note(f"{champion.name} scores {len(rows)} images that it has not seen")
    scores = score(champion.model_file, challenger.dataset.images, rows)
    pairs.loc[rows, "champion_score"] = scores
    pairs.loc[rows, "champion_calibrated"] = apply_temperature(
        scores, champion.record["temperature"]
    )
    pairs.loc[rows, "champion_cutoff"] = champion.record["cutoff"]


def _counts(pairing: Pairing, own: Side, other: Side) -> Facts:
    """Count what each image of the new data was to the comparison."""
    same = pairing.kinds == SAME_IMAGE
    labels = own.table["label"].to_numpy()[same]
    theirs = other.table["label"].to_numpy()[pairing.champion_rows[same]]
    return {
        "n_same_image": int(same.sum()),
        "n_unseen": int((pairing.kinds == UNSEEN).sum()),
        "n_left_out": {kind: int((pairing.kinds == kind).sum()) for kind in LEFT_OUT},
        "n_labelled_otherwise": int((labels != theirs).sum()),
    }


def _decide(
    pairs: pd.DataFrame, counts: Facts, challenger: Challenger, champion: Champion
) -> Decision:
    compared = pairs[pairs["kind"].isin([SAME_IMAGE, UNSEEN])]
    contest = Contest(
        compared["label"].to_numpy(np.int64),
        compared["group"].to_numpy(np.int64),
        _side(compared, "challenger"),
        _side(compared, "champion"),
    )
    size = contest.size()
    facts = {
        "champion": champion.name,
        **size,
        **counts,
        "rule": RULE,
        "figures": None,
        "challenge": None,
    }
    if is_too_small(size):
        return Decision("refused", _too_few(facts), facts)
    challenge = _register(challenger, champion)
    facts["challenge"] = challenge.facts()
    facts["figures"] = figures = compare(
        contest, seed=challenger.config.seed, level=challenge.level
    )
    found = outcome(figures)
    told = f"On {size['n_images']} images of {size['n_groups']} patients or groups that neither "
    told += f"has seen: {figures_sentence(figures)} {_challenge_sentence(challenge, figures)}"
    decision, opening = _OUTCOMES[found]
    return Decision(decision, f"{opening.format(champion.name)} {told}", facts)


def _register(challenger: Challenger, champion: Champion) -> Challenge:
    """Count the challenge, before its figures are looked at."""
    return register(
        challenger.run.home,
        champion.name,
        run_key=challenger.run.key,
        challenger=identity_of(challenger),
        kind=challenger.config.challenge_level,
    )


def _challenge_sentence(challenge: Challenge, figures: Facts) -> str:
    """Describe which of the champion's challenges it was, and what its level asks for."""
    opening = f"Challenge {challenge.number} of this champion, "
    if challenge.kind == FIXED:
        return f"{opening}decided at {percent_of(challenge.level)} like every one."
    brier = figures["brier"]
    return (
        f"{opening}decided at {percent_of(challenge.level)} of the {percent_of(LEVEL)} for all: "
        f"{confidence_of(challenge.level)} interval of the Brier score's gain "
        f"{decimals(brier['interval_at_level'])}."
    )


_OUTCOMES: dict[str, tuple[Verdict, str]] = {
    "better": ("promoted", "Better than {}."),
    "not shown to be better": ("kept", "Not shown to be better than {}."),
    "worse": ("refused", "Worse than {}."),
}


def _side(compared: pd.DataFrame, who: str) -> Answers:
    calibrated, scores, cutoffs = (
        compared[f"{who}_{figure}"].to_numpy(np.float64)
        for figure in ("calibrated", "score", "cutoff")
    )
    return Answers(calibrated, (scores >= cutoffs).astype(np.int64))


def _too_few(facts: dict[str, Any]) -> str:
    left_out = [
        f"{n} {kind.removeprefix('left out: ')}" for kind, n in facts["n_left_out"].items() if n
    ]
    return (
        f"Too few images that neither this model nor {facts['champion']} has seen: "
        f"{facts['n_covid']} of COVID-19 (of {facts['n_covid_groups']} patients or groups) and "
        f"{facts['n_normal']} normal (of {facts['n_normal_groups']}). At least "
        f"{MIN_IMAGES_PER_CLASS} of each class, of as many patients or groups, are needed."
        + (f" Left out: {'; '.join(left_out)}." if left_out else "")
    )
