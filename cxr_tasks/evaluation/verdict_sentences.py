"""The verdict in words: which control, how much of the score it reaches, and what follows."""

from collections.abc import Iterable, Mapping, Sequence

from cxr_tasks.audit.audit_record import ControlFacts, FindingFacts
from cxr_tasks.evaluation.verdict_record import ControlComparison
from cxr_tasks.wording import percent, whole

SHORTCUT = "This score is no evidence of detecting disease."
EXCLUDED_AUC = 0.55
"""A control below it, if it is a shortcut, is worth little."""
WARNING = "Part of this score may not be about disease."


def shortcut_sentence(title: str, shortcuts: Sequence[ControlComparison]) -> str:
    """Say that controls reach the model, the strongest by name."""
    best = max(shortcuts, key=lambda each: each.control_auc)
    others = _joined([each.title for each in shortcuts if each is not best])
    also = f" The same holds for {others}." if others else ""
    return (
        f"{SHORTCUT} {_capital(best.title)} alone tells the classes apart with AUC "
        f"{best.control_auc:.3f}; {title}, with AUC {best.model_auc:.3f} on the same images, is no "
        f"better than that.{also}"
    )


def warning_sentence(
    title: str,
    compared: Mapping[str, ControlComparison],
    above: Mapping[str, ControlFacts],
    warnings: Sequence[FindingFacts],
) -> str:
    """Say which controls are above chance, and whether the model is ahead of them."""
    sentences = [WARNING]
    shown = {name: each for name, each in above.items() if each.in_picture}
    if shown:
        sentences.append(f"The label can be predicted by {_with_auc(shown.values())} alone.")
        both = [compared[name] for name in shown if name in compared]
        sentences += _standing(title, both) if both else []
    unseen = [each for each in above.values() if not each.in_picture]
    if unseen:
        sentences.append(
            f"{_capital(_with_auc(unseen))} tells the classes apart; no image shows it, so it is "
            "about how patients were chosen, or how ill they are."
        )
    return " ".join([*sentences, *(each.message for each in warnings[:2])])


def _with_auc(controls: Iterable[ControlFacts]) -> str:
    return _joined([f"{each.title} (AUC {each.auc:.3f})" for each in controls])


def _standing(title: str, compared: Sequence[ControlComparison]) -> list[str]:
    """Return whether the model is shown to be better than the controls above chance, in words."""
    strongest = max(compared, key=lambda each: each.control_auc)
    model = f"{title} (AUC {strongest.model_auc:.3f})"
    if not strongest.model_above_chance:
        return [f"{model} is not above chance itself."]
    reached = [_reach(strongest)] if strongest.reached_fraction else []
    behind = [each for each in compared if (each.difference.interval or [0])[0] <= 0]
    if not behind:
        return [f"{model} is ahead of {'it' if len(compared) == 1 else 'them'}.", *reached]
    needed = max((each.n_images_to_tell or 0 for each in behind), default=0)
    telling = [f"About {whole(needed)} such images would be needed to tell."] if needed else []
    not_better = " or ".join(each.title for each in behind)
    return [f"{model} is not shown to be better than {not_better}.", *reached, *telling]


def _reach(compared: ControlComparison) -> str:
    share = compared.reached_fraction
    if share is None or share.value is None or share.interval is None:
        return ""
    reached, low, high = (percent(max(0.0, each), 0) for each in (share.value, *share.interval))
    return (
        f"{_capital(compared.title)} alone reaches {reached} ({low} to {high}) of the score above "
        "chance."
    )


def clean_sentence(
    asked: Sequence[ControlFacts], *, n_images: int, n_images_to_exclude: int | None
) -> str:
    """Say that no control is above chance, and up to what a shortcut may have gone unseen."""
    # an undefined interval excludes nothing
    reach = max((each.interval or [0.0, 1.0])[1] for each in asked)
    titles = ", ".join(each.title for each in asked)
    needed = (
        f" About {whole(n_images_to_exclude)} such images would bring this below "
        f"{EXCLUDED_AUC:.2f}."
        if n_images_to_exclude
        else ""
    )
    return (
        f"None of the {len(asked)} controls ({titles}) predicts the label above chance, and no "
        f"copy or known patient crosses the split. Not ruled out by {whole(n_images)} images: "
        f"shortcuts worth up to AUC {reach:.2f} (the upper end of the controls' 95 % intervals), "
        f"and those that these controls cannot see, such as devices over the lungs.{needed}"
    )


def _joined(titles: Sequence[str]) -> str:
    return " and ".join(titles) if len(titles) < 3 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
