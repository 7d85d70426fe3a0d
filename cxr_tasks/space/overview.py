"""What the command `space` prints."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from cxr_tasks.champion.versions import finished_versions
from cxr_tasks.settings.defaults import Retention
from cxr_tasks.space.freeing import REASONS, Choice, Freed, Kind, plural_of
from cxr_tasks.space.rules import reasons_to_keep
from cxr_tasks.space.run_state import RunState
from cxr_tasks.space.usage import KINDS, Usage
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.size import as_size, weigh
from cxr_tasks.wording import WIDTH

N_LARGEST = 10

Rows = Iterable[tuple[str, ...]]


def describe_usage(home: Home, usage: Usage) -> str:
    """Return a table of what uses how much."""
    left = sum(weigh(path).n_bytes for path in usage.leftovers)
    rows = [
        (KINDS[kind], f"{share.n:,}" if share.n else "", as_size(share.n_bytes))
        for kind, share in usage.shares.items()
        if share.n_bytes
    ]
    if usage.leftovers:
        rows.append(("left by killed work", f"{len(usage.leftovers):,}", as_size(left)))
    total = left + sum(share.n_bytes for share in usage.shares.values())
    disk = f"{as_size(usage.n_disk_free_bytes)} of {as_size(usage.n_disk_bytes)}"
    lines = [f"{home.root}: {as_size(total)}; {disk} of its file system are free", ""]
    lines += _aligned([("", "number", "size"), *rows], "<>>")
    if usage.n_unreadable:
        lines += ["", f"Not counted: {usage.n_unreadable} folders that may not be read."]
    return "\n".join(lines)


def describe_largest_runs(
    home: Home, states: Sequence[RunState], usage: Usage, *, going: Iterable[str], now: float
) -> str:
    """Return a table of the largest runs, and what becomes of them."""
    going, by_key = set(going), {state.run.key: state for state in states}
    staying = [state for key, state in by_key.items() if key not in going]
    kept = reasons_to_keep(states, finished_versions(home), staying=staying)
    largest = sorted(by_key, key=lambda key: -usage.run_bytes.get(key, 0))[:N_LARGEST]
    rows = [
        (
            key,
            as_size(usage.run_bytes.get(key, 0)),
            _ago(by_key[key], now),
            "goes" if key in going else kept.get(key, _kind_of(by_key[key])),
        )
        for key in largest
    ]
    return "\n".join(_aligned([("largest runs", "size", "last changed", ""), *rows], "<><<"))


def describe_choices(
    choices: Mapping[Kind, Choice], retention: Retention, *, is_in_use: bool
) -> str:
    """Return what could be freed, and by what rule."""
    rows, total, notes = [], 0, []
    for kind, choice in choices.items():
        n_bytes = sum(weigh(path).n_free_bytes for path in choice.paths)
        total += n_bytes
        if choice.paths:
            rows.append((f"{_counted(len(choice.paths), kind)}: {REASONS[kind]}", as_size(n_bytes)))
        if choice.blocked:
            notes.append(f"All {plural_of(kind)} stay. {choice.blocked}")
    head = f"`space --free` would free {as_size(total)}" + (":" if rows else ".")
    notes.append(_describe_rule(retention))
    if is_in_use:
        notes.append("At this moment somebody works on the volume: nothing is freed meanwhile.")
    wrapped = (textwrap.wrap(text, WIDTH, subsequent_indent="  ") for text in notes)
    return "\n".join([head, *_aligned(rows, "<>"), *(line for lines in wrapped for line in lines)])


def list_choices(home: Home, choices: Mapping[Kind, Choice]) -> str:
    """Return a table of everything that would go."""
    paths = [path for choice in choices.values() for path in choice.paths]
    rows = [(str(path.relative_to(home.root)), as_size(weigh(path).n_free_bytes)) for path in paths]
    return "\n".join(_aligned(rows, "<>"))


def describe_freed(freed: Freed) -> str:
    """Return what was freed."""
    counts = [_counted(n, kind) for kind, n in freed.n.items() if n]
    return f"Freed {as_size(freed.n_bytes)}: {', '.join(counts) or 'nothing'}."


def _describe_rule(retention: Retention) -> str:
    if not retention.is_set:
        return "No run goes: that takes [retention] in defaults.toml, or --keep-runs, --keep-days."
    rules = []
    if retention.keep_runs is not None:
        rules.append(f"the newest {retention.keep_runs} stay")
    if retention.keep_days is not None:
        rules.append(f"those of the last {retention.keep_days} days stay")
    return f"Of the runs {', '.join(rules)}, and any that something rests on (--help says what)."


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
    return f"{n:,} {kind if n == 1 else plural_of(kind)}"


def _aligned(rows: Rows, sides: str) -> list[str]:
    """Align columns, each to the side that stands for it: `<` or `>`."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    formats = [f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=False)]
    return [("  " + "  ".join(formats).format(*row)).rstrip() for row in rows]
