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

from cxr_tasks.champion.pointer import history, read_pointer, write_history
from cxr_tasks.champion.pointer_record import ChallengeEntry
from cxr_tasks.champion.promotion_record import ChallengeFacts, PromotionRecord
from cxr_tasks.errors import CxrError
from cxr_tasks.volume.files import digest_of
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import find_record

LEVEL = 0.05
"""Two-sided: of the 95 % interval, and of all challenges of a version together."""

SPENT, FIXED = "spent", "fixed"


def challenge_level_of(number: int, kind: str) -> float:
    """Return the level of a version's k-th challenge, beginning with 1."""
    return LEVEL if kind == FIXED else LEVEL * 6 / (math.pi * number) ** 2


def challenger_digest(model: str, predictions: str) -> str:
    """Identify a challenger by the digests of its model and of its predictions."""
    return digest_of([model, predictions])


def register(
    home: Home, champion: str, *, run_key: str, challenger: str, kind: str
) -> ChallengeFacts:
    """Count a challenge before its figures are looked at; the caller holds the champion's lock.

    Whoever is killed behind it finds its own number again. The same challenger with another level
    keeps its number, and the larger of its levels counts as spent.
    """
    entries = challenges(home)
    own = [entry for entry in entries if entry.champion == champion]
    at = next((at for at, entry in enumerate(own) if _is_same(entry, run_key, challenger)), None)
    number = len(own) + 1 if at is None else at + 1
    level = challenge_level_of(number, kind)
    before = None if at is None else own[at]
    if before is None or before.level < level or before.challenger is None:
        own[number - 1 : number] = [
            ChallengeEntry(
                champion=champion,
                run=run_key,
                challenger=challenger,
                level=max(level, before.level if before else 0.0),
            )
        ]
        others = [each for each in entries if each.champion != champion]
        write_history(home, history(home), challenges=[*others, *own])
    return ChallengeFacts(
        challenger=challenger, number=number, level=level, spent=spent_level(own), kind=kind
    )


def challenges(home: Home) -> list[ChallengeEntry]:
    """List who challenged which version at which level.

    Where the pointer does not know, since an older version of the project wrote it or it was put
    together from the versions, it is looked up in the runs that are still there.
    """
    stored = read_pointer(home).challenges
    return list(_of_runs(home)) if stored is None else stored


def challenges_of(home: Home, version: str) -> list[ChallengeEntry]:
    """List the challenges of one version, the first first."""
    return [entry for entry in challenges(home) if entry.champion == version]


def spent_level(own: list[ChallengeEntry]) -> float:
    """Add up the levels of a version's challenges."""
    return float(sum(entry.level for entry in own))


def _is_same(entry: ChallengeEntry, run_key: str, challenger: str) -> bool:
    if entry.challenger is None:  # from a time when only the run was written down
        return entry.run == run_key
    return entry.challenger == challenger


def _of_runs(home: Home) -> Iterator[ChallengeEntry]:
    for path in sorted((home.root / "runs").glob("[!.]*/promote/promote.json")):
        try:
            record = find_record(path.parent, PromotionRecord)
        except CxrError:  # it is not known any more whom it challenged
            continue
        comparison = record and record.comparison
        if comparison and comparison.figures:
            before = comparison.challenge
            yield ChallengeEntry(
                champion=comparison.champion,
                run=path.parents[1].name,
                challenger=before.challenger if before else None,
                level=before.level if before else LEVEL,
            )
