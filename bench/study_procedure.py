"""The study's procedure as plain Keras, timed: what the pipeline is compared with.

Written from the study's description, nothing made faster or repeatable: Keras' folder loader with
its own shuffling, parallel mapping and prefetching as the study says (its appendix 5.1.2), every
image decoded in every epoch; augmentation inside the vanilla CNN (5.1.3, 5.1.5); MobileNetV2 as
one layer of a sequential model with its first layers frozen (5.1.4); Adam at the rates of the
study's code, binary cross-entropy, early stopping with patience 30 (5.1.6). Where the text breaks
off, the scaling of the vanilla CNN's images, the loader is mapped and prefetched as for the
others. Weights come from a file or at random, as no download is needed to measure time.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxr_tasks.variants import VARIANTS, Variant
from cxr_tasks.volume.files import write_json

Model = Any
Images = Any

IMAGE_SIZE_PX = (224, 224)
PATIENCE = 30


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one variant for some epochs and write down how long each took."""
    parser = argparse.ArgumentParser(prog="python -m bench.study_procedure", description=__doc__)
    parser.add_argument("--variant", required=True, choices=list(VARIANTS))
    parser.add_argument("--folder", required=True, type=Path, help="with a folder for each class")
    parser.add_argument("--weights", type=Path, help="of MobileNetV2; random without")
    parser.add_argument("--epochs", required=True, type=int)
    parser.add_argument("--out", required=True, type=Path, help="the JSON file to write")
    options = parser.parse_args(arguments)
    variant = VARIANTS[options.variant]
    write_json(options.out, time_training(variant, options.folder, options.weights, options.epochs))


def time_training(
    variant: Variant, folder: Path, weights: Path | None, epochs: int
) -> dict[str, Any]:
    """Train as the study does.

    Returns:
        `ended_at`: the clock at each epoch's end; `n_train`, `n_val`: images in each part.
    """
    import keras

    ended_at: list[float] = []
    train_part, val_part = load_images(folder, variant)
    model = build_study_model(variant, weights)
    model.fit(
        train_part,
        validation_data=val_part,
        epochs=epochs,
        callbacks=[
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=PATIENCE, restore_best_weights=True
            ),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda _epoch, _logs: ended_at.append(time.time())
            ),
        ],
    )
    return {"ended_at": ended_at, **_counts(folder)}


def load_images(folder: Path, variant: Variant) -> tuple[Images, Images]:
    """Return the training and validation images as the study's loader does, scaled."""
    import keras
    import tensorflow as tf

    scale = (
        keras.applications.mobilenet_v2.preprocess_input
        if variant.uses_backbone
        else keras.layers.Rescaling(1 / 255)
    )

    def prepared(images: Images) -> Images:
        scaled = images.map(lambda x, y: (scale(x), y), num_parallel_calls=tf.data.AUTOTUNE)
        return scaled.prefetch(tf.data.AUTOTUNE)

    return prepared(_part(folder, "training")), prepared(_part(folder, "validation"))


def build_study_model(variant: Variant, weights: Path | None) -> Model:
    """Build and compile a variant's model as the study does; pixels come scaled."""
    import keras

    stack = _vanilla_layers() if variant.n_frozen_layers is None else _backbone(variant, weights)
    model = keras.Sequential([*stack, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=variant.learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _part(folder: Path, subset: str) -> Images:
    import keras

    return keras.utils.image_dataset_from_directory(
        folder,
        validation_split=0.25,
        subset=subset,
        seed=42,
        image_size=IMAGE_SIZE_PX,
        batch_size=32,
    )


def _counts(folder: Path) -> dict[str, int]:
    return {
        name: len(_part(folder, subset).file_paths)
        for name, subset in (("n_train", "training"), ("n_val", "validation"))
    }


def _vanilla_layers() -> list[Any]:
    from keras import Input, Sequential, layers

    augmentation = Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.RandomContrast(0.1),
        ]
    )
    stack = [Input((*IMAGE_SIZE_PX, 3)), augmentation]
    for n_filters, kernel, pool in [(32, 5, 3), (64, 3, 2), (128, 3, 2), (128, 3, 2)]:
        stack += [layers.Conv2D(n_filters, kernel), layers.ReLU(), layers.MaxPooling2D(pool)]
    return [*stack, layers.Flatten(), layers.Dense(128), layers.ReLU(), layers.Dropout(0.2)]


def _backbone(variant: Variant, weights: Path | None) -> list[Any]:
    import keras

    base = keras.applications.MobileNetV2(
        input_shape=(*IMAGE_SIZE_PX, 3), include_top=False, weights=None
    )
    if weights is not None:
        base.load_weights(weights)
    for layer in base.layers[: variant.n_frozen_layers]:
        layer.trainable = False
    return [
        base,
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(variant.dropout),
    ]


if __name__ == "__main__":
    main()
