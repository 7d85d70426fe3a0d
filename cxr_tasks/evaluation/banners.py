"""What a reader has to know beside any number: the notes of a run, each a banner by its kind."""

from collections.abc import Mapping
from pathlib import Path

from cxr_tasks.data.dataset import Dataset
from cxr_tasks.evaluation.comparison_record import (
    BannerFacts,
    RecommendationFacts,
    TrainedVariant,
    VariantOutcome,
)
from cxr_tasks.settings.weights_origins import ORIGINS
from cxr_tasks.training.training_record import FoldSummary

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

DECIDED = "label_decisions"
"""The kind of the banner that stands above the verdict, not among the notes."""


def make_banners(
    dataset: Dataset,
    variants: Mapping[str, VariantOutcome],
    recommendation: RecommendationFacts,
    *,
    split_kind: str,
    decisions_file: str = "",
) -> list[BannerFacts]:
    """Collect the notes that hold for a run, the gravest first.

    The first sentence of each, or what stands before its colon, says the matter by itself.
    """
    ok = {name: facts for name, facts in variants.items() if isinstance(facts, TrainedVariant)}
    failed = [name for name, facts in variants.items() if facts.status == "failed"]
    limited = [name for name, facts in ok.items() if _hit_the_limit(facts)]
    lagged = [name for name, facts in ok.items() if _lag_decided(facts)]
    unlearned = [name for name, facts in ok.items() if _calls_all_the_same(facts)]
    origins = {facts.weights_origin for facts in ok.values()}
    decided = dataset.record.label_decisions
    texts = {
        DECIDED: decided
        and decided.changes_data
        and f"Labels decided by people: {decided.in_words(Path(decisions_file).name)}.",
        "failed": failed and f"Failed: {', '.join(failed)}. The comparison is without it.",
        "chance": recommendation.variant is None and CHANCE,
        "phantom": dataset.record.synthetic and PHANTOM,
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
    return [BannerFacts(kind=kind, text=text) for kind, text in texts.items() if text]


def _fits(facts: TrainedVariant) -> list[TrainedVariant | FoldSummary]:
    return [facts, *facts.folds]


def _hit_the_limit(facts: TrainedVariant) -> bool:
    return any(fit.stopped_by == "epochs" for fit in _fits(facts))


def _lag_decided(facts: TrainedVariant) -> bool:
    found = (fit.without_lag for fit in _fits(facts))
    return any(without_lag.decided_stopping for without_lag in found if without_lag)


def _calls_all_the_same(facts: TrainedVariant) -> bool:
    rates = facts.statistics.metrics
    return {rates.sensitivity.value, rates.specificity.value} == {0, 1}


def _all_or_listed(names: list[str], variants: Mapping[str, object]) -> str:
    return "every variant" if len(names) == len(variants) > 1 else ", ".join(names)
