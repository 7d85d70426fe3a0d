"""Tiny networks of which it is known where they look, and images to show them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_tasks.training.keras_runtime import start_keras

CORNER, CENTRE = 0, 3
_FIELD_PX = 32

MIDDLE = np.zeros((224, 224), np.bool_)
"""Stands for the lungs."""
MIDDLE[34:190, 34:190] = True


def spot_detector(field: int) -> Any:
    """Build a network that calls COVID-19 where one field of the diagonal is bright."""
    start_keras(threads=2, seed=0)
    import keras

    image = keras.Input((224, 224, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 255, name="rescale")(image)
    fields = keras.layers.AveragePooling2D(_FIELD_PX, name="fields")(scaled)
    flat = keras.layers.Flatten(name="flatten")(fields)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="covid")(flat))
    kernel = np.zeros((7, 7, 3, 1), np.float32)
    kernel[field, field] = 1
    model.get_layer("covid").set_weights([kernel.reshape(-1, 1), np.array([-0.5], np.float32)])
    return model


def bright(field: int, *, n: int = 4) -> npt.NDArray[np.uint8]:
    """Draw images that are bright in one field of the diagonal."""
    images = np.zeros((n, 224, 224, 3), np.uint8)
    place = slice(field * _FIELD_PX, (field + 1) * _FIELD_PX)
    images[:, place, place] = 255
    return images
