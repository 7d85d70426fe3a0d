"""What a reader has to know beside any number: the notes of a run, each a banner by its kind."""

from collections.abc import Mapping
from typing import Any

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.settings.weights_origins import ORIGINS

PHANTOM = (
    "Synthetic images: this project drew every radiograph. No number says anything about patients "
    "or about the study's result."
)
CHANCE = (
    "No better than chance: no variant is shown to be better than always naming the larger class, "
    "so none is recommended."
)
NO_TEST = (
    "No test part: the validation images chose the stopping epoch and then gave the "
    "score, which is therefore optimistic. The study did the same."
)


def make_banners(
    dataset: Dataset,
    variants: Mapping[str, Mapping[str, Any]],
    recommendation: Mapping[str, Any],
    *,
    split_kind: str,
) -> list[dict[str, str]]:
    """Collect the notes that hold for a run, the gravest first.

    The first sentence of each, or what stands before its colon, says the matter by itself.
    """
    ok = {name: facts for name, facts in variants.items() if facts["status"] == "ok"}
    failed = [name for name, facts in variants.items() if facts["status"] == "failed"]
    limited = [name for name, facts in ok.items() if _hit_the_limit(facts)]
    lagged = [name for name, facts in ok.items() if _lag_decided(facts)]
    unlearned = [name for name, facts in ok.items() if _calls_all_the_same(facts)]
    origins = {facts["weights_origin"] for facts in ok.values()}
    texts = {
        "failed": failed and f"Failed: {', '.join(failed)}. The comparison is without it.",
        "chance": recommendation["variant"] is None and CHANCE,
        "phantom": dataset.record["synthetic"] and PHANTOM,
        "random_weights": "random" in origins and ORIGINS["random"].note,
        "phantom_weights": "phantom" in origins and ORIGINS["phantom"].note,
        "lag": lagged
        and f"Stopped by lag: patience ended {', '.join(lagged)}, whose validation loss still "
        "fell when batch normalisation used the statistics of each epoch itself. The running ones, "
        "which the score is of, follow the weights too slowly.",
        "unlearned": unlearned
        and f"Has not learned: {_all_or_listed(unlearned, ok)}. What calls every image the same "
        "says nothing about what such a network can do.",
        "epoch_limit": limited
        and f"Stopped by the limit of epochs: {_all_or_listed(limited, ok)}. More epochs might "
        "change the result.",
        "no_test": split_kind == "paper" and NO_TEST,
    }
    return [{"kind": kind, "text": text} for kind, text in texts.items() if text]


def _hit_the_limit(facts: Mapping[str, Any]) -> bool:
    return any(fit["stopped_by"] == "epochs" for fit in (facts, *facts["folds"]))


def _lag_decided(facts: Mapping[str, Any]) -> bool:
    without_lag = (fit.get("without_lag") for fit in (facts, *facts["folds"]))
    return any(found["decided_stopping"] for found in without_lag if found)


def _calls_all_the_same(facts: Mapping[str, Any]) -> bool:
    rates = facts["statistics"]["metrics"]
    return {rates[name]["value"] for name in ("sensitivity", "specificity")} == {0, 1}


def _all_or_listed(names: list[str], variants: Mapping[str, Any]) -> str:
    return "every variant" if len(names) == len(variants) > 1 else ", ".join(names)
