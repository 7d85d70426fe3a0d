"""Pictures that show no frontal chest, of other kinds than the training draws."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

SIZE_PX = 224

Picture = NDArray[np.uint8]


def draw_strangers(n: int, *, seed: int) -> dict[str, list[Picture]]:
    """Return as many pictures of each kind, uint8, shape (224, 224).

    Args:
        n: Of each kind.
        seed: Decides all.
    """
    kinds: dict[str, Callable[[Generator], Picture]] = {
        "noise": _noise,
        "blank": _blank,
        "hand": _hand,
        "photograph": _photograph(),
        "text": _text,
    }
    return {
        kind: [draw(np.random.default_rng([seed, number])) for number in range(n)]
        for kind, draw in kinds.items()
    }


def _noise(rng: Generator) -> Picture:
    """White noise, or noise of a natural picture's spectrum."""
    noise = rng.standard_normal((SIZE_PX, SIZE_PX))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE_PX), np.fft.fftfreq(SIZE_PX)))
    power = rng.choice((0.0, 0.5, 1.0, 1.5))
    spectrum = np.fft.fft2(noise) / np.maximum(frequency, 1 / SIZE_PX) ** power
    return _as_grey(np.fft.ifft2(spectrum).real)


def _blank(rng: Generator) -> Picture:
    """One grey, hardly uneven, with a little noise."""
    axis = np.linspace(-1, 1, SIZE_PX)
    tilt = rng.normal(size=2) * 20
    flat = rng.uniform(20, 230) + tilt[0] * axis[None, :] + tilt[1] * axis[:, None]
    noisy = flat + rng.uniform(0, 4) * rng.standard_normal((SIZE_PX, SIZE_PX))
    return np.asarray(noisy.clip(0, 255), np.uint8)


def _hand(rng: Generator) -> Picture:
    """A hand's radiograph: five rays of bones in soft tissue, on black."""
    soft, bone = (Image.new("L", (SIZE_PX, SIZE_PX)) for _ in range(2))
    wrist = np.array([112 + rng.normal() * 8, 200 + rng.normal() * 8])
    for finger, angle in enumerate(np.linspace(-0.75, 0.55, 5) + rng.normal() * 0.1):
        towards = np.array([np.sin(angle), -np.cos(angle)])
        length = (110, 150, 165, 155, 125)[finger] * rng.uniform(0.85, 1.1)
        ends = (wrist + 20 * towards, wrist + length * towards)
        ImageDraw.Draw(soft).line([tuple(end) for end in ends], fill=110, width=24)
        for first, last in ((0.2, 0.5), (0.53, 0.75), (0.78, 0.97)):
            joints = [tuple(wrist + part * length * towards) for part in (first, last)]
            ImageDraw.Draw(bone).line(joints, fill=120, width=8)
    palm = (wrist[0] - 45, wrist[1] - 80, wrist[0] + 40, wrist[1] + 40)
    ImageDraw.Draw(soft).ellipse(palm, fill=120)
    both = np.asarray(soft, float) + np.asarray(bone, float)
    noise = rng.normal(size=both.shape) * 4
    return np.asarray((gaussian_filter(both, 1.5) + noise + 10).clip(0, 255), np.uint8)


def _photograph() -> Callable[[Generator], Picture]:
    """Parts of the two photographs that come with scikit-learn, in grey."""
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(image).convert("L") for image in load_sample_images().images]

    def draw(rng: Generator) -> Picture:
        photograph = photographs[int(rng.integers(len(photographs)))]
        side = int(rng.integers(120, min(photograph.size)))
        left, top = (int(rng.integers(length - side)) for length in photograph.size)
        part = photograph.crop((left, top, left + side, top + side))
        return np.asarray(part.resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR))

    return draw


def _text(rng: Generator) -> Picture:
    """A page with lines of text."""
    page = Image.new("L", (SIZE_PX, SIZE_PX), 245)
    letters = list("etaoin shrdlu cmfwyp")
    for top in range(8, SIZE_PX, int(rng.integers(10, 18))):
        line = "".join(rng.choice(letters, size=int(rng.integers(10, 36))))
        ImageDraw.Draw(page).text((10, top), line, fill=20)
    return np.asarray(page)


def _as_grey(field: NDArray[np.floating]) -> Picture:
    low, high = np.quantile(field, (0.005, 0.995))
    return np.asarray((255 * (field - low) / (high - low)).clip(0, 255), np.uint8)
