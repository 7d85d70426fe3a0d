"""What a remedy has changed, in words no stronger than the figures."""

from collections.abc import Sequence

from cxr_tasks.remedies.remedies_record import ControlChange, VariantChange
from cxr_tasks.statistics.figures_record import Estimate
from cxr_tasks.wording import UNDEFINED

_IN_PART = "Useful in part only: other controls still tell the classes apart."
OTHER = "What survives may still be another shortcut."


def describe_change(
    controls: Sequence[ControlChange],
    model: VariantChange | None,
    newly_above_chance: Sequence[str],
    *,
    useful: bool,
) -> str:
    """Say whether a remedy was useful, what tells still, and what the model keeps."""
    settled = [each for each in controls if each.settled]
    equal = [each for each in controls if each.made_equal]
    remaining = [each for each in controls if not each.settled and not each.made_equal]
    still = [each for each in remaining if each.above_chance_after]
    in_part = useful and bool(still or newly_above_chance)
    told = [_IN_PART if in_part else "Useful." if useful else "Not shown to be useful."]
    if not controls:
        told.append("No control was above chance, so there was nothing to remedy.")
    if settled:
        told.append(f"{_changes(settled)} no longer shown to tell the classes apart.")
    if equal:
        told.append(
            f"{_changes(equal)} the same for all images now, by construction: whether the pictures "
            "still show what it told is not known."
        )
    if still:
        named = [f"{each.title} (AUC {_area(each.after)})" for each in still]
        told.append(f"{_listed(named)} still above chance.")
    if unclear := [each.title for each in remaining if not each.above_chance_after]:
        told.append(f"{_listed(unclear)} not shown to have fallen.")
    if newly_above_chance:
        told.append(f"Above chance only now: {', '.join(newly_above_chance)}.")
    told += _standing(model, useful=useful)
    return " ".join(told)


def _changes(settled: Sequence[ControlChange]) -> str:
    each = [
        f"{control.title} (AUC {_area(control.first)} before, {_area(control.after)} after)"
        for control in settled
    ]
    return _listed(each)


def _listed(titles: Sequence[str]) -> str:
    *most, last = titles
    joined = f"{', '.join(most)} and {last}" if most else last
    return f"{joined[:1].upper()}{joined[1:]} {'are' if most else 'is'}"


def _standing(model: VariantChange | None, *, useful: bool) -> list[str]:
    if model is None:
        return ["No variant was scored on the same images before and after."]
    areas = f"AUC {_area(model.first)} before, {_area(model.after)} after"
    if not model.above_chance_after:
        return [f"{model.title} ({areas}) is not above chance any more."]
    share = survived(model.survived_fraction)
    kept = f"{model.title} ({areas}) keeps {share} of what it was above chance." if share else ""
    return [kept or f"{model.title}: {areas}.", *([OTHER] if useful else [])]


def survived(share: Estimate | None) -> str:
    """Write a share with its interval: `62 % (50 to 73 %)`; empty where it is undefined."""
    if share is None or share.value is None or share.interval is None:
        return ""
    ends = (share.value, *share.interval)
    value, low, high = (f"{100 * max(0.0, each):.0f}" for each in ends)
    return f"{value} % ({low} to {high} %)"


def _area(figure: Estimate) -> str:
    return UNDEFINED if figure.value is None else f"{figure.value:.3f}"
