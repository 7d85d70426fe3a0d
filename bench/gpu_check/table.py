"""What of the check's results a person reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.gpu_check.parts import ALL, TOLERANCES
from bench.results import markdown_table

Report = Mapping[str, Any]

_MISSING = "-"


def as_tables(report: Report) -> str:
    """Lay out what was measured, as Markdown that reads well in a terminal."""
    parts = report["parts"]
    told = [_head(report), _speed(parts), _equality(parts), _at_once(parts)]
    told += ["\n".join(_left_out(parts)), "\n".join(f"Fault: {each}" for each in faults(report))]
    return "\n\n".join(text for text in told if text)


def faults(report: Report) -> list[str]:
    """List what failed, and what is not as it has to be; what had no time is none."""
    return [
        f"{part}, {name}: {text}"
        for part, entries in report["parts"].items()
        for name, entry in entries.items()
        for text in _faults_of(entry)
    ]


def _faults_of(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["status"].startswith(("failed", "cut off")):
        yield entry["status"]
    if entry.get("is_bit_equal") is False:
        difference = entry["largest_score_difference"]
        yield f"other numbers than the undisturbed training (scores differ by {difference:.1g})"
    if "first_try" in entry and entry["status"] == "done" and not entry["resumed_after_epoch"]:
        yield f"nothing was resumed; the first try: {entry['first_try']}"
    for device in TOLERANCES:
        if device in entry and not entry[device]["is_within"]:
            difference, allowed = (
                entry[device][key] for key in ("largest_difference", "tolerance")
            )
            yield f"{device} differs from the processor by {difference:.1g}, not {allowed:.0e}"


def _head(report: Report) -> str:
    trained = [each for each in report["parts"].get("float32", {}).values() if "device" in each]
    device = trained[0]["device"] if trained else "nothing was trained"
    head = (
        f"{report['card'] or 'no card'}; {report['backend']} backend on {device}; "
        f"{report['n_images']} images, batches of {report['batch_size']}, "
        f"{report['epochs']} epochs; {report['weights']} backbone weights."
    )
    if any(each["has_gpu"] for each in trained):
        return head
    return f"{head}\nNo graphics card was used: this shows only that the check runs."


def _speed(parts: Report) -> str:
    single, mixed = parts.get("float32", {}), parts.get("mixed", {})
    header = [
        "variant",
        "s/epoch",
        "mixed s/epoch",
        "compile s",
        "card MB",
        "mixed MB",
        "frozen img/s",
    ]
    rows = [
        [
            f"`{name}`",
            _number(entry, "seconds_per_epoch", "{:.4f}"),
            _number(mixed.get(name), "seconds_per_epoch", "{:.4f}"),
            _number(entry, "compile_seconds", "{:.1f}"),
            _number(entry, "peak_card_mb", "{:,.0f}"),
            _number(mixed.get(name), "peak_card_mb", "{:,.0f}"),
            _number(entry.get("frozen_pass"), "images_per_second", "{:,.0f}"),
        ]
        for name, entry in single.items()
    ]
    return markdown_table(header, rows)


def _equality(parts: Report) -> str:
    scored, resumed, together = (
        parts.get(name, {}) for name in ("predictions", "resume", "together")
    )
    header = [
        "variant",
        "card - CPU",
        "in full float32",
        "resumed",
        "trained again",
        "epoch at once",
    ]
    slower = together.get(ALL, {}).get("epochs_slower_at_once", {})
    rows = [
        [
            f"`{name}`",
            _number(scored.get(name, {}).get("as_trained"), "largest_difference", "{:.1e}"),
            _number(scored.get(name, {}).get("full_float32"), "largest_difference", "{:.1e}"),
            _equal(resumed.get(name)),
            _equal(together.get(name)),
            _number(slower, name, "{:.2f} times"),
        ]
        for name in parts.get("float32", {})
    ]
    return markdown_table(header, rows)


def _at_once(parts: Report) -> str:
    entry = parts.get("together", {}).get(ALL, {})
    if "times_faster_at_once" not in entry:
        return ""
    return (
        f"All at once on one device: {entry['at_once_seconds']:.1f} s; one after another: "
        f"{entry['one_after_another_seconds']:.1f} s, {entry['times_faster_at_once']:.2f} times "
        "as long (all epochs, without start and compilation)."
    )


def _left_out(parts: Report) -> list[str]:
    return [
        f"{part}, {name}: {entry['status']}"
        for part, entries in parts.items()
        for name, entry in entries.items()
        if entry["status"].startswith("not run")
    ]


def _number(entry: Mapping[str, Any] | None, key: str, form: str) -> str:
    value = (entry or {}).get(key)
    return _MISSING if value is None else form.format(value)


def _equal(entry: Mapping[str, Any] | None) -> str:
    is_equal = (entry or {}).get("is_bit_equal")
    return _MISSING if is_equal is None else ("equal" if is_equal else "differs")
