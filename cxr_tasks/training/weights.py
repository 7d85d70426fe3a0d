"""The backbone's weights: named by the user, Keras' own, fetched once, or the project's own."""

import logging
import re
import shutil
import urllib.parse
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from cxr_tasks.errors import ArtifactError, DamagedError, SourceError
from cxr_tasks.machine.memory import ran_out
from cxr_tasks.runs.ingest_record import IngestFacts, WeightsFacts
from cxr_tasks.settings import RunConfig
from cxr_tasks.training.keras_runtime import first_line
from cxr_tasks.variants import VARIANTS
from cxr_tasks.volume.files import building, remove_leftovers, sha256_of
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import warning
from cxr_tasks.volume.record_model import SealedRecord, read_sealed_record, write_sealed_record

Origin = Literal["file", "keras", "phantom", "random", "none"]
"""A file that the user names, ImageNet's, this project's from drawn images, a seed's, or none."""

KERAS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
)
"""Where `keras.applications.MobileNetV2(weights="imagenet")` downloads from."""

URL_SETTING = "CXR_BACKBONE_URL"
"""Environment variable that names a mirror of `KERAS_URL`."""

N_PARAMETERS = 2_257_984
"""Of Keras' MobileNetV2 1.0 without top; batch statistics included."""

OWN_WEIGHTS = Path(__file__).with_name("mobilenetv2-phantom-1.weights.h5")
"""Made by `python -m bench.backbone` from synthetic images; the number goes up with each making."""

_TIMEOUT_SECONDS = 20
_ODD = re.compile(r"[^\x21-\x7e]")
"""What no web address has: blanks, control characters, and what is not ASCII."""


class WeightsDownloadRecord(SealedRecord):
    """Beside Keras' own weights of the backbone."""

    sha256: str


def prepare_weights(
    config: RunConfig, home: Home, *, environ: Mapping[str, str], report: Callable[[str], None]
) -> WeightsFacts:
    """Bring the run's backbone weights into the cache, checked.

    Raises:
        ArtifactError: The file named is missing or belongs to another network.
        SourceError: No file is named, the download failed, and the profile needs weights.
    """
    if not any(VARIANTS[name].uses_backbone for name in config.variants):
        return WeightsFacts(origin="none", sha256="", file_name="")
    if config.weights == "random":
        return WeightsFacts(origin="random", sha256="", file_name="")
    with locked(home.locks / "backbones.lock"):
        if config.weights and config.weights != "phantom":
            return _cached(Path(config.weights), home, origin="file")
        if not config.weights:
            try:
                return _keras_weights(home, environ.get(URL_SETTING, KERAS_URL), report)
            except SourceError as err:
                if config.profile != "quickstart":
                    raise
                report(
                    warning(
                        f"no ImageNet weights ({err.problem}); the backbones start from weights "
                        "that were pre-trained on this project's synthetic images"
                    )
                )
        return _cached(OWN_WEIGHTS, home, origin="phantom", name=OWN_WEIGHTS.name)


def weights_of(run: RunPaths, ingested: IngestFacts) -> Path | None:
    """Find the weights file that a run's ingestion recorded, and check that it is the same.

    None for random weights.
    """
    if not ingested.weights.file_name:
        return None
    path = _cache(run.home) / ingested.weights.file_name
    if not path.exists() or sha256_of(path) != ingested.weights.sha256:
        raise DamagedError(
            f"The backbone weights {path} are missing or changed.",
            "They are kept in the cache under the digest that ingestion recorded.",
            f"Run it again, which fetches them again: python -m cxr_tasks ingest --run {run.key}.",
        )
    return path


def check_backbone_file(path: Path) -> str:
    """Refuse a file that holds no MobileNetV2 weights; return the suffix Keras expects for it.

    Keras tells its two formats apart by the file's name: `.weights.h5` is the present one,
    `.h5` alone the older one that its own downloads still have.
    """
    sizes: list[int] = []

    def add_size(_name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(int(item.size or 0))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(add_size)
            suffix = ".h5" if "layer_names" in file.attrs else ".weights.h5"
    except Exception as err:  # of a damaged file h5py raises whatever it stumbles over
        if ran_out(err):
            raise
        raise _no_backbone(path, "it cannot be read as an HDF5 file") from err
    if sum(sizes) != N_PARAMETERS:
        raise _no_backbone(path, f"it holds {sum(sizes):,} numbers")
    return suffix


def read_backbone_weights(path: Path) -> list[NDArray[Any]]:
    """Read a weights file into the network that it was written from, input layer and all.

    Keras leaves weights that a file does not give as they were, with a warning for each group
    of layers; what is still no number afterwards was not in the file.

    Raises:
        ArtifactError: The file is unreadable or belongs to another network.
    """
    import keras

    network = keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None
    )
    network.set_weights([np.full(weight.shape, np.nan) for weight in network.weights])
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as err:
        raise _no_backbone(path, first_line(err)) from err
    weights: list[NDArray[Any]] = network.get_weights()
    n_missing = sum(not np.isfinite(weight).all() for weight in weights)
    if n_missing:
        raise _no_backbone(path, f"{n_missing} of its {len(weights)} weights are no numbers")
    return weights


def _cache(home: Home) -> Path:
    return home.cache / "backbones"


def _keras_weights(home: Home, url: str, report: Callable[[str], None]) -> WeightsFacts:
    """Fetch Keras' own weights, unless an earlier run did."""
    download = _cache(home) / "keras-download" / "download.h5"
    if not _is_as_downloaded(download, report):
        report("fetching Keras' ImageNet weights of MobileNetV2 (9 MB, once)")
        with building(download.parent) as folder:
            built = folder / download.name
            _download(url, built)
            check_backbone_file(built)
            digest = WeightsDownloadRecord(sha256=sha256_of(built))
            write_sealed_record(built.with_suffix(".json"), digest)
    return _cached(download, home, origin="keras")


def _is_as_downloaded(download: Path, report: Callable[[str], None]) -> bool:
    if not download.exists():
        return False
    record = download.with_suffix(".json")
    try:
        # schema version 1 of the project wrote no record, and nothing is known of its downloads
        if not record.exists():
            return True
        if read_sealed_record(record, WeightsDownloadRecord).sha256 == sha256_of(download):
            return True
    except DamagedError:
        pass
    report(warning(f"{download} is not what was downloaded"))
    return False


def _download(url: str, target: Path) -> None:
    if not _is_web_address(url):
        raise _not_fetched(f"{URL_SETTING} is no address of the web.")
    import httpx  # only a download needs it

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs the address
    asked = {"Accept-Encoding": "identity"}
    try:
        with (
            httpx.stream(
                "GET", url, headers=asked, timeout=_TIMEOUT_SECONDS, follow_redirects=True
            ) as response,
            target.open("wb") as stream,
        ):
            if not response.is_success:
                raise _not_fetched(
                    f"The download failed: the server answered {response.status_code}."
                )
            expected = response.headers.get("Content-Length")
            for block in response.iter_raw():
                stream.write(block)
    except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as err:
        raise _not_fetched(f"The download failed: {_reason_of(err)}.") from None
    if expected is not None and target.stat().st_size != int(expected):
        raise _not_fetched(f"{target.stat().st_size} of {expected} bytes arrived.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not _ODD.search(url)
    except ValueError:
        return False


def _reason_of(err: Exception) -> str:
    """Return why a download failed, without the address: a password or a token may be in it."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(err).__name__


def _cached(path: Path, home: Home, *, origin: Origin, name: str = "") -> WeightsFacts:
    """Copy a checked file into the cache under its digest, and its own name or a common one."""
    if not path.is_file():
        raise ArtifactError(
            f"The weights file {path} does not exist.",
            "`weights` names a file of MobileNetV2 weights without top.",
            "Correct the path, or leave weights empty for Keras' own download.",
        )
    suffix, digest = check_backbone_file(path), sha256_of(path)
    file_name = f"{digest[:16]}/{name or 'mobilenetv2' + suffix}"
    target = _cache(home) / file_name
    remove_leftovers(target.parent)
    if not target.exists() or sha256_of(target) != digest:
        with building(target.parent) as folder:
            shutil.copyfile(path, folder / target.name)
    return WeightsFacts(origin=origin, sha256=digest, file_name=file_name)


def _no_backbone(path: Path, reason: str) -> ArtifactError:
    return ArtifactError(
        f"{path} is no weights file of MobileNetV2 without top: {reason}.",
        f"Such a file is HDF5, named *.weights.h5 or *.h5, and holds {N_PARAMETERS:,} numbers "
        "(width 1.0, include_top=False).",
        "Name another file with weights=PATH, or leave weights empty for Keras' own download.",
    )


def _not_fetched(reason: str) -> SourceError:
    return SourceError(
        f"Keras' ImageNet weights could not be fetched. {reason}",
        "The MobileNetV2 variants start from pre-trained weights; only profile quickstart may "
        "go without.",
        f"Name a file with weights=PATH, or a mirror with {URL_SETTING}=URL.",
    )
