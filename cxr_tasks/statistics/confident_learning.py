"""Which labels a model that has not seen the image doubts: confident learning for two classes.

Northcutt, Jiang & Chuang 2021, doi 10.1613/jair.1.12125, arXiv 1911.00068; written anew.
"""

from dataclasses import dataclass

import numpy as np

from cxr_tasks.statistics.scores import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class LabelRanking:
    """Labelled images, ordered by how little a model believes their labels."""

    thresholds: tuple[float, float]  # of normal and COVID-19: what is confident in each
    margins: FloatArray  # shape (n,), in [-1, 1]: of the label's probability over the other one's
    ranks: IntArray  # shape (n,); 1 is the least believed
    are_suspect: BoolArray  # shape (n,)


def rank_labels(labels: IntArray, probabilities: FloatArray) -> LabelRanking:
    """Rank labels by their margin, and find those that the model confidently contradicts.

    A class' threshold is the mean probability that images with its label have of it. A label is
    suspect where the other class' probability reaches that class' threshold and is the larger.
    Equal margins keep the images' order.

    Args:
        labels: Shape (n,), of both classes; 1 is COVID-19.
        probabilities: Shape (n,), of COVID-19, in [0, 1], by models that have not seen the image.
    """
    of_label = np.where(labels == 1, probabilities, 1 - probabilities)
    of_other = 1 - of_label
    normal, covid = (float(of_label[labels == label].mean()) for label in (0, 1))
    threshold_of_other = np.where(labels == 1, normal, covid)
    margins = of_label - of_other
    ranks = np.empty(len(labels), np.int64)
    ranks[np.argsort(margins, kind="stable")] = np.arange(1, len(labels) + 1)
    are_suspect = (of_other >= threshold_of_other) & (of_other > of_label)
    return LabelRanking((normal, covid), margins, ranks, are_suspect)
