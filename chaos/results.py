"""What all trials have found, kept over seeds in one file, and its table."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.trial import Outcome
from cxr_tasks.volume.files import write_json

PATH = Path(__file__).parent / "results.json"

FAULTS = {
    "different_numbers": "different numbers",
    "false_wholes": "taken for whole",
    "leftovers": "left behind",
    "orphans": "orphans",
    "locks_held": "locks held",
    "failed_again": "could not go on",
    "unclear": "unclear message",
}
"""What an outcome may have found, and how the table calls it."""


def add(outcomes: Iterable[Outcome], *, seed: int, path: Path = PATH) -> dict[str, Any]:
    """Add the outcomes of one seed to the file; those it had of the same seed are replaced."""
    trials = json.loads(path.read_text(encoding="utf-8"))["trials"] if path.exists() else []
    trials = [trial for trial in trials if trial["seed"] != seed]
    trials += [{"seed": seed, **asdict(outcome)} for outcome in outcomes]
    results = {
        **_sums(trials),
        "by_stage": _sums_by("step", trials),
        "by_kind": _sums_by("kind", trials),
        "trials": trials,
    }
    write_json(path, results)
    return results


def table(results: dict[str, Any]) -> str:
    """Return the table as Markdown: a row for each stage and each kind of blow."""
    rows = [["stage", "hit", *FAULTS.values()]]
    rows += [_row(name, sums) for name, sums in results["by_stage"].items()]
    rows += [_row(name, sums) for name, sums in results["by_kind"].items() if sums["kills"]]
    rows.append(_row("all", results))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    rule = ["-" * width for width in widths]
    return "\n".join([lines[0], "|-" + "-|-".join(rule) + "-|", *lines[1:]])


def _row(name: str, sums: dict[str, int]) -> list[str]:
    return [name, str(sums["kills"]), *(str(sums[fault]) for fault in FAULTS)]


def _sums_by(key: str, trials: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    values = dict.fromkeys(trial[key] for trial in trials)
    return {value: _sums(trial for trial in trials if trial[key] == value) for value in values}


def _sums(trials: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Count the trials, and those in which each fault was found."""
    sums = Counter(dict.fromkeys(("kills", *FAULTS), 0))
    for trial in trials:
        sums["kills"] += 1
        sums.update(fault for fault in FAULTS if trial[fault])
    return dict(sums)
