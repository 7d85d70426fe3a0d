"""How often each version of the champion was challenged, and at which level each time.

Every challenger is another chance that one which is no better is promoted. So the k-th challenge
of a version is decided at `LEVEL` x 6 / (pi^2 k^2); over all k these add up to `LEVEL`, and by
Bonferroni's inequality so do the errors, however much the challengers and their images have in
common (alpha spending: Robertson, Wason & Ramdas 2023, doi 10.1214/23-STS901).

What is controlled: the chance that a version is ever replaced by one that is no better, nominally
2.5 %, since half of a level is on the side of promotion. A new version begins to count anew: it
is another hypothesis, and a level for the whole series would end all promotions after some years.
So of the versions that serve in the course of time 2.5 % at most are expected to be replaced so.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cxr_tasks.champion.pointer import Entry, history, stored_challenges, write_history
from cxr_tasks.errors import CxrError
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import find_record

LEVEL = 0.05
"""Two-sided: of the 95 % interval, and of all challenges of a version together."""

SPENT, FIXED = "spent", "fixed"


@dataclass(frozen=True)
class Challenge:
    """One challenger's turn at a version of the champion, as `promote.json` holds it.

    Attributes:
        challenger: Digest of the model and of its predictions: the same model with the same
            answers, from a retry or from an equal run, is no other challenge.
        number: Its place among the challenges of this version, from 1.
        level: Of its decision.
        spent: The levels of all challenges of this version so far, this one among them.
        kind: `spent` or `fixed`, the run's setting `challenge_level`.
    """

    challenger: str
    number: int
    level: float
    spent: float
    kind: str


def challenge_level_of(number: int, kind: str) -> float:
    """Return the level of a version's k-th challenge, beginning with 1."""
    return LEVEL if kind == FIXED else LEVEL * 6 / (math.pi * number) ** 2


def challenger_digest(model: str, predictions: str) -> str:
    """Identify a challenger by the digests of its model and of its predictions."""
    return digest_of([model, predictions])


def register(home: Home, champion: str, *, run_key: str, challenger: str, kind: str) -> Challenge:
    """Count a challenge before its figures are looked at; the caller holds the champion's lock.

    Whoever is killed behind it finds its own number again. The same challenger with another level
    keeps its number, and the larger of its levels counts as spent.
    """
    entries = challenges(home)
    own = [entry for entry in entries if entry["champion"] == champion]
    at = next((at for at, entry in enumerate(own) if _is_same(entry, run_key, challenger)), None)
    number = len(own) + 1 if at is None else at + 1
    level = challenge_level_of(number, kind)
    if at is None or own[at]["level"] < level or own[at]["challenger"] is None:
        entry = {"champion": champion, "run": run_key, "challenger": challenger, "level": level}
        if at is None:
            own.append(entry)
        else:
            own[at] = entry | {"level": max(level, own[at]["level"])}
        others = [each for each in entries if each["champion"] != champion]
        write_history(home, history(home), challenges=[*others, *own])
    return Challenge(challenger, number, level, spent_level(own), kind)


def challenges(home: Home) -> list[Entry]:
    """List who challenged which version at which level: `champion`, `run`, `challenger`, `level`.

    Where the pointer does not know, since an older version of the project wrote it or it was put
    together from the versions, it is looked up in the runs that are still there.
    """
    stored = stored_challenges(home)
    return list(_of_runs(home)) if stored is None else stored


def challenges_of(home: Home, version: str) -> list[Entry]:
    """List the challenges of one version, the first first."""
    return [entry for entry in challenges(home) if entry["champion"] == version]


def spent_level(own: list[Entry]) -> float:
    """Add up the levels of a version's challenges."""
    return float(sum(entry["level"] for entry in own))


def _is_same(entry: Entry, run_key: str, challenger: str) -> bool:
    if entry["challenger"] is None:  # from a time when only the run was written down
        return bool(entry["run"] == run_key)
    return bool(entry["challenger"] == challenger)


def _of_runs(home: Home) -> Iterator[Entry]:
    from cxr_tasks.champion.promotion_record import PromotionRecord

    for path in sorted((home.root / "runs").glob("[!.]*/promote/promote.json")):
        try:
            record = find_record(path.parent, PromotionRecord)
        except CxrError:  # it is not known any more whom it challenged
            continue
        comparison = record and record.get("comparison")
        if comparison and comparison["figures"]:
            before = comparison.get("challenge") or {"challenger": None, "level": LEVEL}
            yield {
                "champion": comparison["champion"],
                "run": path.parents[1].name,
                "challenger": before["challenger"],
                "level": before["level"],
            }
