"""A data set of synthetic chest radiographs, laid out like the study's download."""

import io
import string
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image

from cxr_tasks.data.phantom.drawing import Difficulty, render

PHANTOM_VERSION = 1
"""Raised whenever the same seed would draw something else."""

PATIENT_PATTERN = r"(phantom-\d+)-[a-z]\.png$"
"""Finds the patient in the path of an image."""

_FOLDERS = {1: "COVID/COVID", 0: "NORMAL/NORMAL"}
_MAX_VIEWS = 3


@dataclass(frozen=True)
class PhantomImage:
    """One image of the plan; `patient_number` and `view` are what it is drawn from."""

    path: str
    label: int
    patient: str
    patient_number: int
    view: int


def plan_phantom(n_images: int, *, seed: int) -> list[PhantomImage]:
    """Choose patients and views: half of the images are positive, a patient has one class.

    Returns:
        `n_images` images sorted by path, with one to three views of each patient.
    """
    rng = np.random.default_rng([seed, n_images])
    n_positive = n_images // 2
    patients = [(1, n) for n in _views_of_patients(n_positive, rng)]
    patients += [(0, n) for n in _views_of_patients(n_images - n_positive, rng)]
    n_digits = max(4, len(str(len(patients))))
    images = []
    # numbered in random order, so that a patient's number does not tell the class
    for number, index in enumerate(rng.permutation(len(patients)), start=1):
        label, n_views = patients[index]
        patient = f"phantom-{number:0{n_digits}d}"
        for view in range(n_views):
            path = f"{_FOLDERS[label]}/{patient}-{string.ascii_lowercase[view]}.png"
            images.append(PhantomImage(path, label, patient, number, view))
    return sorted(images, key=lambda image: image.path)


def draw_phantom(image: PhantomImage, *, seed: int, difficulty: Difficulty = "hard") -> bytes:
    """Draw one image as a grey PNG; the same whichever others are drawn, and wherever."""
    pixels = render(
        image.label, seed=seed, patient=image.patient_number, view=image.view, difficulty=difficulty
    )
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _views_of_patients(n_images: int, rng: Generator) -> list[int]:
    views: list[int] = []
    while n_images > sum(views):
        views.append(min(int(rng.integers(1, _MAX_VIEWS + 1)), n_images - sum(views)))
    return views
