"""What the command `space` prints."""

import textwrap
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cxr_tasks.reporting.table import WIDTH
from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.candidates import PLURALS, REASONS, Kind
from cxr_tasks.space.freeing import Freed
from cxr_tasks.space.plan import Choice, Plan
from cxr_tasks.space.retention import reasons_to_keep
from cxr_tasks.space.run_state import RunState
from cxr_tasks.space.survey import KINDS, Survey
from cxr_tasks.volume.locks import is_taken
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.size import as_size, weigh

N_LARGEST = 10

Rows = Iterable[tuple[str, ...]]


def tell_use(home: Home, found: Survey) -> str:
    """Say what uses how much."""
    left = sum(weigh(path).n_bytes for path in found.leftovers)
    rows = [
        (KINDS[kind], f"{share.n:,}" if share.n else "", as_size(share.n_bytes))
        for kind, share in found.shares.items()
        if share.n_bytes
    ]
    if found.leftovers:
        rows.append(("left by killed work", f"{len(found.leftovers):,}", as_size(left)))
    total = left + sum(share.n_bytes for share in found.shares.values())
    disk = f"{as_size(found.n_disk_free_bytes)} of {as_size(found.n_disk_bytes)}"
    lines = [f"{home.root}: {as_size(total)}; {disk} of its file system are free", ""]
    lines += _aligned([("", "number", "size"), *rows], "<>>")
    if found.n_unreadable:
        lines += ["", f"Not counted: {found.n_unreadable} folders that may not be read."]
    return "\n".join(lines)


def tell_largest(found: Survey, plan: Plan, *, going: Iterable[str]) -> str:
    """Show the largest runs, and what becomes of them."""
    going, states = set(going), {state.run.key: state for state in found.states}
    kept = reasons_to_keep(
        found.states,
        found.versions,
        staying=[state for state in found.states if state.run.key not in going],
    )
    largest = sorted(states, key=lambda key: -found.sizes.get(key, 0))[:N_LARGEST]
    rows = [
        (
            key,
            as_size(found.sizes.get(key, 0)),
            _ago(states[key], plan.now),
            "goes" if key in going else kept.get(key, _kind_of(states[key])),
        )
        for key in largest
    ]
    return "\n".join(_aligned([("largest runs", "size", "last changed", ""), *rows], "<><<"))


def tell_choice(choices: Mapping[Kind, Choice], retention: Retention) -> str:
    """Say what could be freed, and by what."""
    rows, total, stays = [], 0, []
    for kind, choice in choices.items():
        n_bytes = sum(candidate.n_free_bytes() for candidate in choice.candidates)
        total += n_bytes
        if choice.candidates:
            rows.append(
                (f"{_counted(len(choice.candidates), kind)}: {REASONS[kind]}", as_size(n_bytes))
            )
        if choice.blocked:
            stays.append(f"All {PLURALS[kind]} stay. {choice.blocked}")
    head = f"`space --free` would free {as_size(total)}" + (":" if rows else ".")
    return "\n".join([head, *_aligned(rows, "<>"), *_wrapped([*stays, _rule(retention)])])


def tell_candidates(home: Home, choices: Mapping[Kind, Choice]) -> str:
    """List everything that would go, and what somebody works on."""
    rows = []
    for choice in choices.values():
        for candidate in choice.candidates:
            busy = "in use" if any(map(is_taken, candidate.locks)) else ""
            size = as_size(candidate.n_free_bytes())
            rows.append((str(candidate.path.relative_to(home.root)), size, busy))
    return "\n".join(_aligned(rows, "<>>"))


def tell_freed(freed: Freed) -> str:
    """Say what was freed and what was left."""
    told = [_counted(n, kind) for kind, n in freed.n.items() if n]
    lines = [f"Freed {as_size(sum(freed.n_bytes.values()))}: {', '.join(told) or 'nothing'}."]
    if freed.in_use:
        lines.append(f"{len(freed.in_use)} left because somebody works on them.")
    return "\n".join(lines)


def _rule(retention: Retention) -> str:
    if not retention.is_set:
        return "No run goes: that takes [retention] in defaults.toml, or --keep-runs, --keep-days."
    told = []
    if retention.keep_runs is not None:
        told.append(f"the newest {retention.keep_runs} stay")
    if retention.keep_days is not None:
        told.append(f"those of the last {retention.keep_days} days stay")
    return f"Of the runs {', '.join(told)}, and any that something rests on (--help says what)."


def _kind_of(state: RunState) -> str:
    if state.unchanged_since:
        return f"ended early, as {state.unchanged_since}"
    return "" if state.finished else "no report"


def _ago(state: RunState, now: float) -> str:
    if not state.changed_at:
        return "unknown"
    days = int(state.days_since(now))
    date = datetime.fromtimestamp(state.changed_at, UTC).strftime("%Y-%m-%d")
    return f"{date} ({'today' if days < 1 else f'{days} d ago'})"


def _counted(n: int, kind: Kind) -> str:
    return f"{n:,} {kind if n == 1 else PLURALS[kind]}"


def _aligned(rows: Rows, sides: str) -> list[str]:
    """Align columns, each to the side that stands for it: `<` or `>`."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    formats = [f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=False)]
    return [("  " + "  ".join(formats).format(*row)).rstrip() for row in rows]


def _wrapped(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]
