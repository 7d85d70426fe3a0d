import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_tasks.data.duplicates import find_copies, find_copies_across, group_images
from cxr_tasks.data.images import decode_image


def drawn(seed: int) -> Image.Image:
    """Draw soft random shapes: no two seeds correlate."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    return Image.fromarray(noise).resize((300, 260), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def store(contents: list[bytes], patients: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    decoded = [decode_image(content) for content in contents]
    index = pd.DataFrame(
        {
            "patient": patients,
            "sha256": [str(hash(content)) for content in contents],
            "phash": [image.phash for image in decoded],
        }
    )
    return index, np.stack([image.pixels for image in decoded])


@pytest.fixture(scope="module")
def contents() -> list[bytes]:
    first, second = drawn(1), drawn(2)
    return [
        encoded(first, format="PNG"),
        encoded(second, format="PNG"),
        encoded(first, format="PNG"),  # equal bytes
        encoded(second, format="JPEG", quality=40),  # compressed again
        encoded(second.resize((150, 130)), format="PNG"),  # made smaller
        encoded(drawn(3), format="PNG"),
    ]


def test_copies_are_found_through_compression_and_size(contents: list[bytes]) -> None:
    copies = find_copies(*store(contents, [""] * 6))
    assert {tuple(pair) for pair in copies.tolist()} == {(0, 2), (1, 3), (1, 4), (3, 4)}


def test_copies_across_are_found_as_among_all(contents: list[bytes]) -> None:
    index, images = store(contents, [""] * 6)
    everywhere = {tuple(pair) for pair in find_copies(index, images).tolist()}
    across = find_copies_across(index, images, n_first=2)
    assert {tuple(pair) for pair in across.tolist()} == {
        pair for pair in everywhere if pair[0] < 2 <= pair[1]
    }
    assert len(across) == 3


def test_patient_and_copies_close_to_one_group(contents: list[bytes]) -> None:
    groups, _ = group_images(*store(contents, ["a", "b", "", "", "", "a"]))
    assert groups.tolist() == [0, 1, 0, 1, 1, 0]


def test_unknown_patients_are_not_one_patient(contents: list[bytes]) -> None:
    groups, _ = group_images(*store(contents[:2], ["", ""]))
    assert groups.tolist() == [0, 1]
