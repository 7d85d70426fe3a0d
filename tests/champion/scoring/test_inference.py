import numpy as np
import pandas as pd
import pytest

from cxr_tasks.champion.scoring.inference import NEW, KnownImages
from cxr_tasks.data.dataset import Dataset, DatasetRecord
from cxr_tasks.data.decoding import Accepted
from cxr_tasks.data.images import decode_image
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.data.sources.candidates import UNLABELLED, Candidate
from tests.made_facts import filled


def accepted(number: int) -> Accepted:
    content = draw_phantom(plan_phantom(4, seed=3)[number], seed=3)
    image = decode_image(content)
    return Accepted(Candidate(f"{number}.png", UNLABELLED, ""), image, len(content), str(number))


def known_images(numbers: list[int], parts: list[str]) -> KnownImages:
    """Build a champion's data with some phantoms, perhaps several times."""
    images = [accepted(number) for number in numbers]
    index = pd.DataFrame(
        {
            "path": [f"row-{row}.png" for row in range(len(numbers))],
            "patient": "",
            "sha256": [each.sha256 for each in images],
            "phash": [each.image.phash for each in images],
        }
    )
    pixels = np.stack([each.image.pixels for each in images])
    dataset = Dataset(index, pixels, "", filled(DatasetRecord))
    return KnownImages(dataset, pd.DataFrame({"part": parts}))


def test_each_image_is_looked_up() -> None:
    known = known_images([0, 1, 2], ["test", "train", "test"])
    found = known.find([accepted(3), accepted(1), accepted(0)])
    assert found == [NEW, ("in training data", "row-1.png"), ("in test data", "row-0.png")]


@pytest.mark.parametrize("parts", [["train", "test"], ["test", "train"]])
def test_of_several_copies_the_gravest_is_told(parts: list[str]) -> None:
    known = known_images([0, 0], parts)
    assert known.find([accepted(0)])[0][0] == "in training data"


def test_no_images_are_no_error() -> None:
    assert known_images([0], ["oof"]).find([]) == []
