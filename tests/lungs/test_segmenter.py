import json
from pathlib import Path

import numpy as np
import pytest

from bench.lungs.__main__ import RECORD
from bench.lungs.measuring import dice, find, phantom_with_mask, read_real_images, read_real_masks
from bench.lungs.strangers import draw_strangers
from cxr_tasks.lungs.segmenter import BATCH_SIZE, OWN_WEIGHTS, Model, load_segmenter, predict_lungs
from cxr_tasks.training.keras_runtime import start_keras
from cxr_tasks.volume.files import sha256_of

MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def segmenter() -> Model:
    start_keras(threads=2, seed=0)
    return load_segmenter()


def test_own_weights_are_those_of_the_record() -> None:
    record = json.loads(RECORD.read_text())
    assert record["file"] == OWN_WEIGHTS.name
    assert record["sha256"] == sha256_of(OWN_WEIGHTS)
    assert OWN_WEIGHTS.stat().st_size == record["bytes"] < MOST_BYTES


def test_lungs_of_phantoms_are_found(segmenter: Model) -> None:
    drawn = [phantom_with_mask(number, seed=3) for number in range(12)]
    images, masks = (np.stack(each) for each in zip(*drawn, strict=True))
    lungs = find(segmenter, images)
    assert lungs.found.all()
    assert dice(lungs.masks, masks).mean() >= 0.9


def test_lungs_of_real_radiographs_are_found(segmenter: Model, shared_data: Path) -> None:
    if not (shared_data / "lung-masks.zip").exists():
        pytest.skip(f"no lung-masks.zip in {shared_data}")
    masks, images = read_real_masks(shared_data), read_real_images(shared_data)
    lungs = find(segmenter, np.stack([images[stem] for stem in masks]))
    assert dice(lungs.masks, np.stack(list(masks.values()))).mean() >= 0.8


def test_no_lungs_are_found_in_other_pictures(segmenter: Model) -> None:
    pictures = [each for of_kind in draw_strangers(6, seed=1).values() for each in of_kind]
    lungs = find(segmenter, np.stack([np.stack([each] * 3, axis=-1) for each in pictures]))
    assert lungs.found.mean() <= 0.1


def test_exposure_changes_little(segmenter: Model) -> None:
    image, _ = phantom_with_mask(1, seed=3)
    darker = (20 + 0.4 * image).astype(np.uint8)
    probability, of_darker = predict_lungs(segmenter, np.stack([image, darker]))
    assert np.abs(probability - of_darker).mean() < 0.002


def test_mirrored_image_has_the_mirrored_probability(segmenter: Model) -> None:
    image, _ = phantom_with_mask(2, seed=3)
    probability, mirrored = predict_lungs(segmenter, np.stack([image, image[:, ::-1]]))
    assert np.allclose(mirrored[:, ::-1], probability, atol=1e-4)


def test_how_many_images_come_changes_no_number(segmenter: Model) -> None:
    images = np.stack([phantom_with_mask(number, seed=4)[0] for number in range(3)])
    many = np.resize(images, (BATCH_SIZE + 3, *images.shape[1:]))
    few = predict_lungs(segmenter, images)
    assert few.dtype == np.float32
    assert few.shape == (3, 112, 112, 1)
    assert (predict_lungs(segmenter, many)[:3] == few).all()


def test_its_json_is_the_same_each_time_and_makes_the_same_network(segmenter: Model) -> None:
    import keras

    text = segmenter.to_json()
    assert load_segmenter().to_json() == text
    again = keras.models.model_from_json(text)
    again.set_weights(segmenter.get_weights())
    images = np.stack([phantom_with_mask(5, seed=3)[0]] * BATCH_SIZE)
    assert np.allclose(predict_lungs(again, images), predict_lungs(segmenter, images), atol=1e-6)
