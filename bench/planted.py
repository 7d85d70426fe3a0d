"""Phantom data sets with a shortcut planted in them, each as files that the pipeline ingests."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from PIL import Image

from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom

COVID = "COVID/COVID/"

MARKER_PX = 14
JPEG_QUALITY = 90
COPY_QUALITY = 75
SIZE_FACTOR = 1.1
BRIGHTNESS_OFFSET = 15
N_COPIES = 3


@dataclass(frozen=True)
class Planted:
    """Files by name, and which of them are moved to a part of their own choosing."""

    files: Mapping[str, bytes]  # content of each file, by path; the folder is the class
    # the part of the split that a file is moved to after the split is made
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """One way to spoil a data set."""

    title: str  # what a reader calls it
    named: tuple[str, ...]  # the checks of the audit that name it; one of them has to
    sees_pixels: bool  # whether the controls on masked images can see it
    plant: Callable[[Mapping[str, bytes], Generator], Planted]  # puts it into clean files


def draw_files(n_images: int, *, seed: int) -> dict[str, bytes]:
    """Draw a clean data set."""
    return {
        image.path: draw_phantom(image, seed=seed) for image in plan_phantom(n_images, seed=seed)
    }


def _clean(files: Mapping[str, bytes], _rng: Generator) -> Planted:
    return Planted(files)


def _corner_marker(files: Mapping[str, bytes], _rng: Generator) -> Planted:
    """Draw a bright square, as a side marker is, into a corner of every COVID-19 image."""

    def mark(pixels: np.ndarray) -> np.ndarray:
        pixels[4 : 4 + MARKER_PX, -4 - MARKER_PX : -4] = 250
        return pixels

    return Planted(_of_covid(files, lambda content: _png(mark(_pixels(content)))))


def _file_format(files: Mapping[str, bytes], _rng: Generator) -> Planted:
    """Save every COVID-19 image as JPEG."""
    return Planted(
        {
            (path.replace(".png", ".jpg") if path.startswith(COVID) else path): (
                _jpeg(content, quality=JPEG_QUALITY) if path.startswith(COVID) else content
            )
            for path, content in files.items()
        }
    )


def _size(files: Mapping[str, bytes], _rng: Generator) -> Planted:
    """Make every COVID-19 image a tenth larger, as another archive might."""

    def enlarge(content: bytes) -> bytes:
        image = Image.open(io.BytesIO(content))
        side = round(SIZE_FACTOR * image.width)
        return _png(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)))

    return Planted(_of_covid(files, enlarge))


def _brightness(files: Mapping[str, bytes], _rng: Generator) -> Planted:
    """Make every COVID-19 image brighter, as another exposure does."""

    def brighten(content: bytes) -> bytes:
        brighter = _pixels(content).astype(np.int64) + BRIGHTNESS_OFFSET
        return _png(np.clip(brighter, 0, 255).astype(np.uint8))

    return Planted(_of_covid(files, brighten))


def _patient(files: Mapping[str, bytes], rng: Generator) -> Planted:
    """Move one of a patient's images to another part of the split."""
    views = [path for path in sorted(files) if path.endswith("-b.png")]
    chosen = views[rng.integers(len(views))]
    return Planted(files, {chosen.replace("-b.png", "-a.png"): "train", chosen: "test"})


def _copies(files: Mapping[str, bytes], rng: Generator) -> Planted:
    """Add copies, compressed anew and under names that tell no patient, to the test part."""
    chosen = rng.choice(sorted(files), size=N_COPIES, replace=False)
    names = {
        f"{path.rsplit('/', 1)[0]}/copy-{number}.jpg": str(path)
        for number, path in enumerate(chosen)
    }
    copies = {name: _jpeg(files[path], quality=COPY_QUALITY) for name, path in names.items()}
    return Planted(
        {**files, **copies}, dict.fromkeys(names.values(), "train") | dict.fromkeys(names, "test")
    )


KINDS: dict[str, Kind] = {
    "clean": Kind("nothing (clean)", (), True, _clean),
    "corner_marker": Kind(
        "corner marker", ("outside_intensity", "outside_lungs"), True, _corner_marker
    ),
    "file_format": Kind("class-wise file format", ("metadata",), False, _file_format),
    "size": Kind("class-wise size", ("metadata",), False, _size),
    "brightness": Kind("brightness offset", ("outside_intensity",), False, _brightness),
    "patient": Kind("a patient in both parts", ("patients_across_split",), False, _patient),
    "copies": Kind("copies compressed anew", ("duplicates_across_split",), False, _copies),
}


def _of_covid(files: Mapping[str, bytes], change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {
        path: change(content) if path.startswith(COVID) else content
        for path, content in files.items()
    }


def _pixels(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)))


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _jpeg(content: bytes, *, quality: int) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).save(file, "JPEG", quality=quality)
    return file.getvalue()
