"""The images and backbone weights that both sides are given: files, as a user has them."""

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import ZipFile

from cxr_tasks.data.phantom.plan import PhantomImage, draw_phantom, plan_phantom
from cxr_tasks.errors import ConfigError
from cxr_tasks.machine.devices import n_cores

SHARED_DATA = "CXR_SHARED_DATA"
"""Environment variable that names the folder of images and weights beside the project."""

N_PHANTOMS = 324
_SEED = 42
BESIDE = Path(__file__).parents[1].parent / "shared" / "data"
_ZIP, _WEIGHTS = "cxr-324.zip", "mobilenet_v2_imagenet_notop.weights.h5"


@dataclass(frozen=True)
class BenchImages:
    """Images in a folder with the classes' folders in it, and weights of MobileNetV2."""

    folder: Path  # where the images are
    weights: Path | None  # a weights file; None for random weights
    label: str  # what they are, for results and table; no path


def find_images(
    data: str | None, weights: str | None, *, scratch: Path, environ: Mapping[str, str] = os.environ
) -> BenchImages:
    """Take what was named, else what lies beside the project, else draw phantom images.

    Args:
        data: A zip file or folder laid out as the study's download; None for the default.
        weights: A weights file; None for the default.
        scratch: Where a zip is unpacked, or phantoms are drawn.
        environ: May name the folder of the defaults.

    Raises:
        ConfigError: What was named does not exist.
    """
    shared = Path(environ.get(SHARED_DATA) or BESIDE)
    images = _named_or_default("DATA", data, shared / _ZIP)
    weights_file = _named_or_default("WEIGHTS", weights, shared / _WEIGHTS)
    folder = _as_folder(images, scratch / "images") if images else _draw(scratch / "phantoms")
    of_images = images.name if images else f"{N_PHANTOMS} synthetic images (phantoms)"
    of_weights = weights_file.name if weights_file else "random"
    return BenchImages(folder, weights_file, f"{of_images}; weights: {of_weights}")


def _named_or_default(name: str, given: str | None, default: Path) -> Path | None:
    if given is None:
        return default if default.exists() else None
    if not Path(given).exists():
        raise ConfigError(
            f"{name}={given!r} does not exist.",
            "DATA is a zip file or folder with COVID/ and NORMAL/ in it, WEIGHTS a file of "
            "MobileNetV2 weights without top.",
            f"Correct {name}, or leave it out.",
        )
    return Path(given).absolute()


def _as_folder(images: Path, unpacked: Path) -> Path:
    """Keras' loader reads folders only."""
    if images.is_dir():
        return images
    with ZipFile(images) as archive:
        archive.extractall(unpacked)
    return unpacked


def _draw(folder: Path) -> Path:
    plan = plan_phantom(N_PHANTOMS, seed=_SEED)
    with ProcessPoolExecutor(n_cores()) as pool:
        list(pool.map(partial(_draw_one, folder), plan, chunksize=16))
    return folder


def _draw_one(folder: Path, image: PhantomImage) -> None:
    path = folder / image.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(draw_phantom(image, seed=_SEED))
