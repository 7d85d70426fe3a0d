"""A checklist after CLAIM 2024, filled in as far as a run can answer it.

The items are those of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update
(Tejani et al., doi 10.1148/ryai.240300), in words of our own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cxr_tasks.reporting import checklist_answers as answers
from cxr_tasks.reporting.checklist_answers import Answer, Report, Status, says

STATUS_NAMES: dict[Status, str] = {
    "answered": "answered by the run",
    "person": "needs a person",
    "not available": "not available",
}


@dataclass(frozen=True)
class Item:
    """One item of the checklist, with what the run says to it."""

    number: int
    section: str
    title: str
    status: Status
    answer: str


def checklist(report: Report) -> list[Item]:
    """Answer every item from the facts of a report.

    Args:
        report: As `report_facts` gives them.
    """
    return [
        Item(number, section, title, *answer(report))
        for number, (section, title, answer) in enumerate(_ITEMS, start=1)
    ]


_PERSON = "Outside what a run knows."
_DATA, _REFERENCE = "Methods: data", "Methods: reference standard"
_MODEL, _TRAINING = "Methods: model", "Methods: training"
_EVALUATION, _RESULTS = "Methods: evaluation", "Results"

_ITEMS: tuple[tuple[str, str, Callable[[Report], Answer]], ...] = (
    ("Title and abstract", "Says that it is about AI, and of which kind", answers.technology),
    ("Title and abstract", "Structured summary", says("person", _PERSON)),
    ("Introduction", "Background, and the intended use of the model", says(
        "person", "The model card states a research use only; the background is yours to write.")),
    ("Introduction", "Aims and hypotheses", says(
        "person", "The run compares four training procedures; its hypothesis is yours.")),
    ("Methods: design", "Prospective or retrospective", says(
        "answered", "Retrospective: images that existed before the run.")),
    ("Methods: design", "Goal of the study", says(
        "person", "Exploration, feasibility or superiority: the run cannot know.")),
    (_DATA, "Sources of the data", answers.sources),
    (_DATA, "Inclusion and exclusion criteria", answers.exclusion),
    (_DATA, "Preprocessing", answers.preprocessing),
    (_DATA, "Choice of parts of images or subsets", says(
        "answered", "Whole images; no subset was chosen but by the exclusions above.")),
    (_DATA, "De-identification", says(
        "person", "The run removes nothing. File names and images stand in the report.")),
    (_DATA, "Missing data", answers.missing),
    (_DATA, "Image acquisition", answers.acquisition),
    (_REFERENCE, "How the label was determined", says(
        "person", "The run reads it off the folder. Say which test or reading it rests on.")),
    (_REFERENCE, "Why this reference", says("person", _PERSON)),
    (_REFERENCE, "Who annotated", says("person", _PERSON)),
    (_REFERENCE, "Annotation of the test data", says("person", _PERSON)),
    (_REFERENCE, "Agreement between and within readers", says(
        "not available", "One label an image; there is nothing to compare it with.")),
    ("Methods: partitions", "How data were assigned to parts", answers.partitions),
    ("Methods: partitions", "Level at which the parts are disjoint", answers.disjoint),
    ("Methods: partitions", "Intended sample size", answers.sample_size),
    (_MODEL, "Description of the model", answers.model),
    (_MODEL, "Software", answers.software),
    (_MODEL, "Initial weights", answers.initialisation),
    (_TRAINING, "Training procedure", answers.training),
    (_TRAINING, "Choice of the final model", answers.selection),
    (_TRAINING, "Ensembles", answers.ensembling),
    (_EVALUATION, "Metrics", answers.metrics),
    (_EVALUATION, "Uncertainty and significance", answers.uncertainty),
    (_EVALUATION, "Robustness and sensitivity analysis", answers.robustness),
    (_EVALUATION, "Explanation", answers.explained),
    (_EVALUATION, "Evaluation on internal data", answers.internal),
    (_EVALUATION, "Test on external data", answers.external),
    (_EVALUATION, "Trial registration", says("person", "For prospective studies.")),
    (_RESULTS, "Numbers included and excluded", answers.flow),
    (_RESULTS, "Demographic and clinical characteristics", says(
        "not available", "The files carry neither age nor sex nor severity.")),
    (_RESULTS, "Performance with its uncertainty", answers.performance),
    (_RESULTS, "Sensitivity and specificity with their precision", answers.precision),
    (_RESULTS, "Analysis of failures", answers.failures),
    ("Discussion", "Limitations", answers.limits),
    ("Discussion", "Implications for practice", says(
        "person", "None follow from this run: research software, not a medical device.")),
    ("Other", "Where the full protocol is", says(
        "answered", "The command, the configuration and every digest stand in this report.")),
    ("Other", "Availability of software, model and data", says(
        "person", "The model is in the run's folder. Say what you publish, under which licence.")),
    ("Other", "Funding", says("person", _PERSON)),
)  # fmt: skip
