"""The command `lungs`: write a lung mask for each image."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_tasks.cli import Command, Options
from cxr_tasks.errors import ConfigError, DataError, first_few
from cxr_tasks.volume.paths import Home
from cxr_tasks.wording import one_line

if TYPE_CHECKING:
    from cxr_tasks.champion.scoring.inputs import NewImages
    from cxr_tasks.data.decoding import Accepted, Rejected
    from cxr_tasks.lungs.postprocessing import LungMasks

_FOUND, _NOT_FOUND, _UNUSABLE = "found", "no lungs found", "unusable"
_N_BLOCK_IMAGES = 128
_THREADS = 2  # on every machine the same masks


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a folder (all images in it and below), an image or a zip file",
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="for the masks, named like the images"
    )
    parser.add_argument("--overlay", metavar="DIR", help="for small pictures with the outlines")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace masks that differ, and take "
        "away those of images in which no lungs are found now",
    )


def _run(options: Options, _home: Home, _environ: Mapping[str, str]) -> int:
    from cxr_tasks.champion.scoring.inputs import open_images  # which imports much
    from cxr_tasks.lungs.export import name_masks

    roots = list(dict.fromkeys(_absolute(path) for path in options["paths"]))
    if missing := [repr(path) for path in roots if not Path(path).exists()]:
        raise ConfigError(
            f"No file or folder: {first_few(missing)}.",
            "Masks are drawn for folders, images and zip files.",
            "Correct the path.",
        )
    images = open_images(roots)
    writer = _Writer(options, name_masks([each.path for each in images.candidates], roots=roots))
    for block in _blocks(images):
        writer.write(block)
    print(f"\n{writer.summary(images)}", flush=True)
    return 0


class _Writer:
    """Writes masks and says of each image what became of it."""

    def __init__(self, options: Options, names: Mapping[str, str]) -> None:
        self._out = Path(_absolute(options["out"]))
        self._overlay = Path(_absolute(options["overlay"])) if options["overlay"] else None
        self._overwrite, self._names = options["overwrite"], names
        self._outcomes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._n_taken_away = 0
        self._segmenter: object = None
        self._refuse_inputs()

    def write(self, block: "list[Accepted | Rejected]") -> None:
        """Write the masks of some images, and a line for each image."""
        from cxr_tasks.data.decoding import Accepted

        usable = [each for each in block if isinstance(each, Accepted)]
        lungs, place = self._find(usable), 0
        for each in block:
            if not isinstance(each, Accepted):
                self._reasons[each.reason] += 1
                self._take_away(self._names[each.candidate.path])
                self._tell(_UNUSABLE, each.reason, each.candidate.path)
                continue
            self._put(each, lungs, place)
            outcome = _FOUND if lungs.found[place] else _NOT_FOUND
            self._tell(outcome, f"{lungs.quality[place]:.2f}", each.candidate.path)
            place += 1

    def summary(self, images: "NewImages") -> str:
        """Return what became of all, in a few lines.

        Raises:
            DataError: Lungs were found in none.
        """
        counts = ", ".join(f"{n} {outcome}" for outcome, n in self._outcomes.most_common())
        reasons = "; ".join(f"{n} {reason}" for reason, n in self._reasons.most_common())
        if not self._outcomes[_FOUND]:
            raise DataError(
                f"Lungs were found in none of {self._outcomes.total()} files ({counts}).",
                "They are looked for in frontal radiographs of the chest, black air.",
                f"Look at the images{f' ({reasons})' if reasons else ''}.",
            )
        left_out = ", ".join(f"{n} {kind}" for kind, n in images.n_left_out.items())
        lines = [
            f"{counts}; masks in {self._out}",
            *([f"unusable: {reasons}"] if reasons else []),
            *(
                [f"{self._n_taken_away} earlier files taken away, of images without a mask now"]
                if self._n_taken_away
                else []
            ),
            *([f"left out by name: {left_out}"] if left_out else []),
            *([f"{images.n_ignored_links} links not followed"] if images.n_ignored_links else []),
            "Research software, no medical device: look at the masks before you rely on them.",
        ]
        return "\n".join(lines)

    def _refuse_inputs(self) -> None:
        """Refuse to write where images of the request lie, overwriting or not; links are followed.

        A file beside them may be another image, of which nothing is known.
        """
        folders = [folder for folder in (self._out, self._overlay) if folder]
        if len(folders) == 2 and folders[0] == folders[1]:
            raise ConfigError(
                f"--out and --overlay both name {str(self._out)!r}.",
                "Masks and overlays have the same names.",
                "Name two folders.",
            )
        of_images = {os.path.realpath(Path(path).parent) for path in self._names}
        of_masks = {
            os.path.realpath((folder / name).parent)
            for folder in folders
            for name in self._names.values()
        }
        if taken := sorted(of_images & of_masks):
            raise ConfigError(
                f"Masks would lie among the images: {first_few([repr(path) for path in taken])}.",
                "A mask has its image's name, so its folder has to be another one.",
                "Name another folder with --out or --overlay.",
            )

    def _find(self, usable: "list[Accepted]") -> "LungMasks":
        import numpy as np

        from cxr_tasks.lungs.postprocessing import masks_from
        from cxr_tasks.lungs.segmenter import load_segmenter, predict_lungs
        from cxr_tasks.training.keras_runtime import start_keras

        if not usable:
            return masks_from(np.empty((0, 1, 1), np.float32))
        if self._segmenter is None:
            start_keras(threads=_THREADS, seed=0)
            self._segmenter = load_segmenter()
        pixels = np.stack([each.image.pixels for each in usable])
        return masks_from(predict_lungs(self._segmenter, pixels))

    def _put(self, each: "Accepted", lungs: "LungMasks", place: int) -> None:
        from cxr_tasks.lungs.export import as_png, overlay_png, put

        name, mask, found = self._names[each.candidate.path], lungs.masks[place], lungs.found[place]
        width, height = each.image.width, each.image.height
        if not found:
            self._take_away(name)
            return
        content = as_png(mask, width=width, height=height)
        put(self._out / name, content, overwrite=self._overwrite)
        if self._overlay:
            drawn = overlay_png(each.image.pixels, mask, width=width, height=height)
            put(self._overlay / name, drawn, overwrite=self._overwrite)

    def _take_away(self, name: str) -> None:
        """Take away an earlier mask of an image that has none now."""
        from cxr_tasks.lungs.export import put

        for folder in filter(None, (self._out, self._overlay)):
            self._n_taken_away += put(folder / name, None, overwrite=self._overwrite)

    def _tell(self, outcome: str, detail: str, path: str) -> None:
        self._outcomes[outcome] += 1
        print(f"{outcome:<{len(_NOT_FOUND)}}  {detail}  {one_line(path, 500)}", flush=True)


def _blocks(images: "NewImages") -> "Iterator[list[Accepted | Rejected]]":
    from cxr_tasks.data.decoding import decode_all
    from cxr_tasks.machine.devices import n_cores

    with closing(decode_all(images.reader, images.candidates, n_workers=n_cores())) as decoded:
        while block := list(islice(decoded, _N_BLOCK_IMAGES)):
            yield block


def _absolute(path: str) -> str:
    """Tie a path to the folder in which it was typed, and spell it one way."""
    return str(Path(os.path.expanduser(path)).resolve())  # noqa: PTH111


COMMAND = Command("write a lung mask for each image", _run, _add_arguments, has_home=False)
