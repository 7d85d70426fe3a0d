"""The learning curve of frozen features, as the audit's record has it."""

from cxr_tasks.volume.record_model import Facts, Interval


class CurvePoint(Facts):
    """What a ridge scores that was trained on so many images, on the images of other groups."""

    n_images: int
    """Of the training, on average over draws."""
    auc: float
    interval: Interval


class ExpectedAuc(Facts):
    """What the curve promises of a training on so many images."""

    times: int
    """The present number of images, so many times."""
    n_images: int
    auc: float
    interval: Interval


class LearningCurveFacts(Facts):
    """How the area under the ROC curve grows with images; `expected` is empty for a `reason`."""

    n_images: int
    n_groups: int
    n_used: int
    """Images that the curve was measured on: of large data sets a part, whole groups."""
    n_draws: int
    """Orders in which groups were added."""
    points: list[CurvePoint]
    exponent: float | None
    """`1 - AUC` falls with the number of images to the power of minus this."""
    exponent_interval: Interval | None
    expected: list[ExpectedAuc]
    reason: str | None
    """Why nothing is expected."""
    method: str
