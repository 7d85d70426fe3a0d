"""A checklist after CLAIM 2024, filled in as far as a run can answer it.

The items are those of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update
(Tejani et al., doi 10.1148/ryai.240300), in words of our own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cxr_tasks.reporting import checklist_answers as asked
from cxr_tasks.reporting import checklist_results as found
from cxr_tasks.reporting.checklist_answers import Answer, Facts, Status, person, says

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


def checklist(report: Facts) -> list[Item]:
    """Answer every item from the facts of a report.

    `answered` is said only where the run's answer is enough; where it knows a part, the item
    needs a person and says both.

    Args:
        report: As `report_facts` gives them.
    """
    return [
        Item(number, section, title, *answer(report))
        for number, (section, title, answer) in enumerate(_ITEMS, start=1)
    ]


_DRAWN = "The label is what the image was drawn with; nobody annotated it."
_TITLE, _INTRODUCTION, _DESIGN = "Title and abstract", "Introduction", "Methods: design"
_DATA, _REFERENCE, _PARTS = "Methods: data", "Methods: reference standard", "Methods: partitions"
_MODEL, _TRAINING = "Methods: model", "Methods: training"
_EVALUATION, _RESULTS = "Methods: evaluation", "Results"
_DISCUSSION, _OTHER = "Discussion", "Other"

_ITEMS: tuple[tuple[str, str, Callable[[Facts], Answer]], ...] = (
    (_TITLE, "Says that it is about AI, and of which kind", asked.technology),
    (
        _TITLE,
        "Summary of design, methods, results, conclusions",
        says("person", "The result and its verdict stand at the top of this report."),
    ),
    (
        _INTRODUCTION,
        "Background, intended use and role",
        says("person", "The model card gives a research use only. Write the background."),
    ),
    (
        _INTRODUCTION,
        "Aims and hypotheses",
        says("person", "The run compares training procedures. Write what you expected and why."),
    ),
    (
        _DESIGN,
        "Prospective or retrospective",
        person(
            "The images existed before the run. Write whether they were collected for this "
            "question.",
            synthetic="Neither: the images were drawn.",
        ),
    ),
    (
        _DESIGN,
        "Goal of the study",
        says("person", "Write whether you explore, test feasibility, or claim to be better."),
    ),
    (_DATA, "Sources of the data", asked.sources),
    (_DATA, "Inclusion and exclusion criteria", asked.exclusion),
    (
        _DATA,
        "Preprocessing",
        says(
            "answered",
            (
                "Decoded to 8-bit RGB, turned as EXIF says, resized to 224 x 224 pixels, bilinear "
                "with antialiasing, aspect ratio not kept; scaled inside the model."
            ),
        ),
    ),
    (
        _DATA,
        "Selection of subsets of the data",
        says("answered", "Whole images, and all of them but those excluded in item 8."),
    ),
    (
        _DATA,
        "De-identification",
        person(
            "The run removes nothing; file names and images stand in the report. Write what was "
            "done.",
            synthetic="No patient is shown.",
        ),
    ),
    (_DATA, "Missing data", asked.missing),
    (_DATA, "Image acquisition", asked.acquisition),
    (
        _REFERENCE,
        "How the label was determined",
        person(
            "The run reads it off the folder. Write which test or reading it rests on.",
            synthetic=_DRAWN,
        ),
    ),
    (
        _REFERENCE,
        "Why this reference",
        person("Write why, and how often it is wrong.", synthetic=_DRAWN),
    ),
    (_REFERENCE, "Who annotated", person("Write who, and with what training.", synthetic=_DRAWN)),
    (
        _REFERENCE,
        "Annotation of the test data",
        person(
            "The run uses one label for training and test. Write whether the test was read again.",
            synthetic=_DRAWN,
        ),
    ),
    (
        _REFERENCE,
        "Agreement between and within annotators",
        says("not available", "One label an image; there is nothing to compare it with."),
    ),
    (_PARTS, "How data were assigned to parts", asked.partitions),
    (_PARTS, "Level at which the parts are disjoint", asked.disjoint),
    (_PARTS, "Intended sample size", asked.sample_size),
    (_MODEL, "Description of the model", asked.model),
    (
        _MODEL,
        "Software",
        says("answered", "Keras on TensorFlow; all versions stand under How to reproduce it."),
    ),
    (_MODEL, "Initial weights", asked.initialisation),
    (_TRAINING, "Training procedure", asked.training),
    (_TRAINING, "Choice of the final model", asked.selection),
    (_TRAINING, "Ensembles", asked.ensembling),
    (
        _EVALUATION,
        "Metrics",
        says(
            "answered",
            (
                "Accuracy, balanced accuracy, sensitivity, specificity, precision, F1, ROC AUC, "
                "average precision, cross-entropy, Brier score, calibration error, predictive "
                "values."
            ),
        ),
    ),
    (
        _EVALUATION,
        "Uncertainty and significance",
        says(
            "answered",
            (
                "95 % intervals by a bootstrap over groups, paired over variants; Wilson and "
                "DeLong beside them; between variants, and of each against naming the larger "
                "class, exact tests over groups with Holm's correction."
            ),
        ),
    ),
    (_EVALUATION, "Robustness and sensitivity analysis", found.robustness),
    (_EVALUATION, "Explanation", found.explained),
    (_EVALUATION, "Evaluation on internal data", found.internal),
    (_EVALUATION, "Test on external data", found.external),
    (
        _EVALUATION,
        "Registration as a clinical trial",
        person("Write the number, or that there was none.", synthetic="Not a clinical trial."),
    ),
    (_RESULTS, "Numbers included and excluded", found.flow),
    (
        _RESULTS,
        "Demographic and clinical characteristics",
        says("not available", "The images come without age, sex or severity."),
    ),
    (_RESULTS, "Performance with its uncertainty", found.performance),
    (_RESULTS, "Sensitivity, specificity and their precision", found.precision),
    (_RESULTS, "Analysis of failures", found.failures),
    (_DISCUSSION, "Limitations", found.limits),
    (
        _DISCUSSION,
        "Implications for practice",
        says("person", "This run supports none: research software, not a medical device."),
    ),
    (
        _OTHER,
        "Full protocol or further technical details",
        says(
            "answered", "Command, configuration and every digest stand under How to reproduce it."
        ),
    ),
    (
        _OTHER,
        "Availability of software, model and data",
        says("person", "Write what you publish, where, and under which licence."),
    ),
    (_OTHER, "Funding, and the funders' part", says("person", "Write both.")),
)
