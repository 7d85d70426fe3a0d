"""What serves, changed by hand or mended: rollback, retirement, a damaged version or pointer."""

from datetime import UTC, datetime

from cxr_tasks.champion.decision import Decision
from cxr_tasks.champion.eligibility import open_challenger
from cxr_tasks.champion.pointer import (
    changing,
    find_copy,
    history,
    is_whole,
    retired_versions,
    retirement,
    serve,
    serving,
    write_history,
)
from cxr_tasks.champion.pointer_record import ServiceEntry
from cxr_tasks.champion.promotion import Promotion, make_version
from cxr_tasks.champion.promotion_record import PromotionFacts
from cxr_tasks.champion.versions import (
    Champion,
    finished_versions,
    no_champion,
    open_version,
    require_champion,
    version_record,
    versions,
)
from cxr_tasks.errors import ConfigError, DamagedError
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.files import as_unicode
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.records import Note


def roll_back(home: Home, version: str | None, *, now: datetime) -> Champion:
    """Let an earlier version serve again: the one that served before, or the one that is named.

    The version that serves may be damaged or missing; the one to go back to has to be whole. One
    that was retired serves again only by its name.

    Raises:
        ConfigError: There is no such version, nothing else served before, or no version serves
            and none is named.
        ArtifactError: A file of the version to go back to is missing or damaged.
    """
    with changing(home):
        current, since = serving(home), retirement(home)
        if current is None and not (version and history(home)):
            raise no_champion(home, since)
        target = require_champion(home, version or _before(home, str(current)))
        if target.name != current:
            retired = retired_versions(home).get(target.name)
            reason = f"{since.version} was retired." if since else f"Rolled back from {current}."
            reason += f" Retired on {retired.at}, it serves again." if retired else ""
            serve(home, target.name, action="rolled back", reason=reason, now=now)
        return target


def retire(home: Home, *, reason: str, now: datetime) -> str:
    """Let no version serve from now on, and return the one that did; it may be damaged.

    Raises:
        ConfigError: No version serves.
    """
    with changing(home):
        current = serving(home)
        if current is None:
            raise no_champion(home, retirement(home))
        reason = as_unicode(reason).strip() or "No reason was given."
        serve(home, current, action="retired", reason=reason, now=now)
        return current


def restore_version(
    run: RunPaths, config: RunConfig, promotion: PromotionFacts, *, note: Note
) -> None:
    """Make the version that a run has promoted, if it has, again where it is damaged or missing.

    Where all that was known of the champion is lost, the version serves again.

    Raises:
        ArtifactError: A file of the run is damaged too.
    """
    home, version, reason = run.home, promotion.version, promotion.reason
    if version is None:
        return
    with changing(home):
        try:
            open_version(home, version)
        except DamagedError as err:
            problem = err.problem
        else:
            return
        promoted_at = _promoted_at(home, version)
        if promoted_at is None and history(home):
            note(
                warning(f"{problem} It is not made again: the champion's history does not know it.")
            )
            return
        note(warning(f"{problem} It is made again from the run."))
        at = promoted_at or datetime.now(UTC)
        challenger = open_challenger(run, config)
        approval = promotion.approval
        decision = Decision("promoted", reason, promotion.comparison, approval)
        made = Promotion(challenger, decision, promotion.champion_before, at, run.promote)
        make_version(made, note=note, name=version)
        if promoted_at is None:
            serve(home, version, action="promoted", reason=reason, now=at, approval=approval)


def restore_pointer(home: Home, *, note: Note) -> str | None:
    """Write `champion.json` anew where it is damaged or missing, as its copy has it.

    Where the copy is damaged or missing too, the newest version serves: the history is put
    together from the versions' records of their promotions; rollbacks and retirements are not
    among them. A version with a damaged file is made again afterwards, by its run's `promote`.

    Returns:
        The version that serves; None where it was retired.

    Raises:
        ConfigError: The pointer is whole, or there is no version whose record is.
    """
    with changing(home):
        if is_whole(home):
            raise ConfigError(
                f"{home.champion / 'champion.json'} is whole.",
                "It is only made again where it is damaged or gone.",
                "To let an earlier version serve: python -m cxr_tasks champion --roll-back.",
            )
        copy = find_copy(home)
        entries = copy.history if copy else _promotions(home, note)
        write_history(home, entries, challenges=copy.challenges if copy else None)
        return serving(home)


def _before(home: Home, current: str) -> str:
    """Find what served before the version in service was promoted, and was not retired."""
    befores = {entry.version: entry.before for entry in history(home) if entry.action == "promoted"}
    retired = retired_versions(home)
    before = befores.get(current)
    while before in retired:
        before = befores.get(before)
    if before:
        return before
    others = [name for name in versions(home) if name != current]
    to_retire = "o let no model serve: python -m cxr_tasks champion --retire."
    raise ConfigError(
        f"Nothing served before {current}" + (" that was not retired." if retired else "."),
        "A rollback without a name goes to the version that served before, never to one that was "
        "retired. There are beside it: "
        f"{', '.join(name for name in others if name not in retired) or 'none'}; retired: "
        f"{', '.join(name for name in others if name in retired) or 'none'}.",
        f"Name one of them; t{to_retire}" if others else f"T{to_retire}",
    )


def _promoted_at(home: Home, version: str) -> datetime | None:
    """Return when a version was promoted; None where the history does not know it."""
    own = (each for each in history(home) if each.version == version and each.action == "promoted")
    entry = next(own, None)
    return datetime.fromisoformat(entry.at) if entry else None


def _promotions(home: Home, note: Note) -> list[ServiceEntry]:
    """Build a history from the versions' own records."""
    entries = []
    for name in finished_versions(home):
        try:
            record = version_record(home, name)
        except DamagedError as err:
            note(warning(f"Left out: {err.problem}"))
            continue
        entries.append(
            ServiceEntry(
                at=record.promoted_at,
                action="promoted",
                version=record.version,
                before=record.champion_before,
                reason=record.decision_reason,
                approval=record.approval,
            )
        )
    if not entries:
        raise no_champion(home)
    note(
        "The copy of champion.json is damaged or gone too. What was rolled back or retired is not "
        "known any more, nor are challenges of runs that are deleted: look whether the newest "
        "version is the one that should serve."
    )
    return entries
