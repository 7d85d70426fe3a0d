"""What becomes of a challenger: both models on the images that neither has seen, and the rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxr_tasks.champion.approval_record import ApprovalFacts
from cxr_tasks.champion.challenges import LEVEL, register
from cxr_tasks.champion.contest import (
    MIN_IMAGES_PER_CLASS,
    Answers,
    Conclusion,
    Contest,
    compare,
    conclude,
    is_too_small,
)
from cxr_tasks.champion.describe import fill_text
from cxr_tasks.champion.eligibility import Challenger
from cxr_tasks.champion.pairing import LEFT_OUT, SAME_IMAGE, UNSEEN, Pairing, Side, pair_images
from cxr_tasks.champion.promotion_record import ContestFacts
from cxr_tasks.champion.versions import Champion, read_predictions
from cxr_tasks.data.dataset import open_dataset
from cxr_tasks.errors import ArtifactError
from cxr_tasks.evaluation.external_dataset import Score
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.volume.files import write_table
from cxr_tasks.volume.record_model import Content
from cxr_tasks.volume.records import Note

PAIRS_FILE = "pairs.csv"
"""What each image of the new data was to the comparison, and both models' answers."""

Verdict = Literal["promoted", "kept", "refused"]

_VERDICTS: dict[Conclusion, Verdict] = {
    "better": "promoted",
    "not shown to be better": "kept",
    "worse": "refused",
}
_FIGURES = ("score", "calibrated", "cutoff")


@dataclass(frozen=True)
class Decision:
    """What becomes of a challenger."""

    # `kept`: the champion stays, for lack of proof; `refused`: nothing more is asked
    decision: Verdict
    reason: str  # one or two sentences with the figures
    comparison: ContestFacts | None = None  # what was compared and found; None where nothing was
    approval: ApprovalFacts | None = None  # what a person has answered; None where nobody was asked


def decide(
    challenger: Challenger, champion: Champion, *, score: Score, note: Note, built: Path
) -> Decision:
    """Compare both models, write `pairs.csv` into `built`, and decide by the rule.

    `score` scores some rows of an image store by a saved model; it is called only for images that
    the champion has no prediction for yet.

    Raises:
        ArtifactError: The champion's data set is damaged or missing, or predictions and data set
            do not belong together. Nothing is decided then.
    """
    own, other = _sides(challenger, champion)
    pairing = pair_images(own, other)
    pairs = _lay_out(pairing, own.table, other.table)
    unseen = np.flatnonzero(pairing.kinds == UNSEEN)
    if len(unseen):
        note(f"{champion.name} scores {len(unseen)} images that it has not seen")
        scores = score(champion.model_file, challenger.dataset.images, unseen)
        calibrated = apply_temperature(scores, champion.record.temperature)
        cutoffs = np.full(len(unseen), champion.record.cutoff)
        for figure, values in zip(_FIGURES, (scores, calibrated, cutoffs), strict=True):
            pairs.loc[unseen, f"champion_{figure}"] = values
    write_table(pairs, built / PAIRS_FILE)
    return _decide(pairs, _counts(pairing, own, other), challenger, champion)


def _sides(challenger: Challenger, champion: Champion) -> tuple[Side, Side]:
    try:
        dataset = open_dataset(challenger.run.home, champion.record.dataset)
    except ArtifactError as err:
        raise ArtifactError(
            f"{champion.name} cannot be compared with, since its images are not to be had: "
            f"{err.problem}",
            "A challenger is compared with the champion on the images of both.",
            "Restore that folder from a backup, or ingest the same images again with the "
            f"configuration in {champion.folder / 'version.json'}; then run promote again.",
        ) from err
    table = read_predictions(challenger.predictions_file)
    return (
        Side(challenger.dataset, table, challenger.report.basis),
        Side(dataset, champion.predictions(), champion.record.basis),
    )


def _lay_out(pairing: Pairing, own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Lay both models' predictions side by side; empty where the champion has none yet."""
    pairs = own[["path", "label"]].assign(group=pairing.groups, kind=pairing.kinds)
    rows = np.flatnonzero(pairing.kinds == SAME_IMAGE)
    theirs = other.iloc[pairing.champion_rows[rows]]
    pairs["champion_path"] = ""
    pairs.loc[rows, "champion_path"] = theirs["path"].to_numpy()
    for figure in _FIGURES:
        pairs[f"challenger_{figure}"] = own[figure]
        pairs[f"champion_{figure}"] = np.nan
        pairs.loc[rows, f"champion_{figure}"] = theirs[figure].to_numpy()
    return pairs


def _counts(pairing: Pairing, own: Side, other: Side) -> Content:
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
    pairs: pd.DataFrame, counts: Content, challenger: Challenger, champion: Champion
) -> Decision:
    compared = pairs[pairs["kind"].isin([SAME_IMAGE, UNSEEN])]
    contest = Contest(
        compared["label"].to_numpy(np.int64),
        compared["group"].to_numpy(np.int64),
        _answers(compared, "challenger"),
        _answers(compared, "champion"),
    )
    counts |= contest.size()
    rule = _sentences("rule.txt.j2", minimum=MIN_IMAGES_PER_CLASS)
    facts = ContestFacts(champion=champion.name, **counts, rule=rule, figures=None, challenge=None)
    if is_too_small(contest.size()):
        reason = _sentences("decision.txt.j2", compared=facts, minimum=MIN_IMAGES_PER_CLASS)
        return Decision("refused", reason, facts)
    challenge = register(  # before its figures are looked at
        challenger.run.home,
        champion.name,
        run_key=challenger.run.key,
        challenger=challenger.digest,
        kind=challenger.config.challenge_level,
    )
    figures = compare(contest, seed=challenger.config.seed, level=challenge.level)
    conclusion = conclude(figures)
    facts = facts.model_copy(update={"challenge": challenge, "figures": figures})
    reason = _sentences("decision.txt.j2", compared=facts, conclusion=conclusion, total_level=LEVEL)
    return Decision(_VERDICTS[conclusion], reason, facts)


def _sentences(template: str, **facts: Any) -> str:
    """Fill a template that has a sentence, or a part of one, in each line."""
    return " ".join(fill_text(template, **facts).splitlines())


def _answers(compared: pd.DataFrame, who: str) -> Answers:
    scores, calibrated, cutoffs = (
        compared[f"{who}_{figure}"].to_numpy(np.float64) for figure in _FIGURES
    )
    return Answers(calibrated, (scores >= cutoffs).astype(np.int64))
