"""One bit of an artifact flipped: the next stage that reads it must say so, its maker mend it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaos.numbers import numbers_of
from chaos.prefix import RUN, Prefix, Step, ended_python, environment, run_python
from chaos.trial import take_back


@dataclass(frozen=True)
class Artifact:
    """A kind of file."""

    pattern: str  # where it lies on the shared volume; `*` stands for any name
    reader: str  # the next stage that reads it
    maker: str  # the stage that makes it, or the command that restores it


ARTIFACTS = (
    Artifact("datasets/*/images.npy", "split", "ingest"),
    Artifact("datasets/*/index.csv", "audit", "ingest"),
    Artifact("datasets/*/dataset.json", "split", "ingest"),
    Artifact(f"runs/{RUN}/ingest/ingest.json", "split", "ingest"),
    Artifact(f"runs/{RUN}/split/split.csv", "train", "split"),
    Artifact(f"runs/{RUN}/split/split.json", "audit", "split"),
    Artifact(f"runs/{RUN}/audit/control_scores.csv", "evaluate", "audit"),
    Artifact(f"runs/{RUN}/audit/audit.json", "evaluate", "audit"),
    Artifact(f"runs/{RUN}/train/*/model.keras", "evaluate", "train"),
    Artifact(f"runs/{RUN}/train/*/history.csv", "report", "train"),
    Artifact(f"runs/{RUN}/train/*/train.json", "evaluate", "train"),
    Artifact(f"runs/{RUN}/train/*/fold-1/scores.csv", "evaluate", "train"),
    Artifact(f"runs/{RUN}/evaluate/*/predictions.csv", "report", "evaluate"),
    Artifact(f"runs/{RUN}/evaluate/comparison.json", "report", "evaluate"),
    Artifact(f"runs/{RUN}/report/index.html", "promote", "report"),
    Artifact(f"runs/{RUN}/report/report.json", "promote", "report"),
    Artifact("champion/0001-*/model.keras", "predict", "promote"),
    Artifact("champion/0001-*/predictions.csv", "predict", "promote"),
    Artifact("champion/0001-*/version.json", "predict", "promote"),
    Artifact("champion/champion.json", "predict", "champion"),
)


@dataclass(frozen=True)
class Found:
    """What became of a flipped bit; all but `artifact` should be empty."""

    artifact: str  # the file
    not_noticed: str  # how the reader ended, where it did not refuse the file by its name
    not_mended: str  # why the maker or a stage behind it could not run again
    different_numbers: list[str]  # files that say something else than before


def flip_and_mend(artifact: Artifact, prefix: Prefix, *, rng: np.random.Generator) -> Found | None:
    """Flip a bit in a copy of the prefix; None where it has no such file."""
    with tempfile.TemporaryDirectory(prefix="cxr-rot-") as place:
        home = Path(place)
        prefix.copy(home)
        path = next(home.glob(artifact.pattern), None)
        if path is None:
            return None
        steps = prefix.recipe.steps
        reader = next((step for step in steps if step.stage == artifact.reader), None)
        if reader is not None:
            take_back(reader, prefix, home)
        flip_bit(path, rng=rng)
        command = (
            [*reader.command, "--run", RUN] if reader else ["predict", prefix.settings["data"]]
        )
        not_noticed = _read(command, home, path)
        not_mended = ""
        try:
            for mending in _mending(artifact, steps):
                run_python(["-m", "cxr_tasks", *mending], home)
        except RuntimeError as err:
            not_mended = str(err)
        now, before = numbers_of(home), numbers_of(prefix.home)
        different = sorted(
            name for name in before if now.get(name) != before[name] and "cache/" not in name
        )
        return Found(str(path.relative_to(home)), not_noticed, not_mended, different)


def flip_bit(path: Path, *, rng: np.random.Generator) -> None:
    """Flip one bit anywhere in a file."""
    content = bytearray(path.read_bytes())
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _mending(artifact: Artifact, steps: tuple[Step, ...]) -> list[list[str]]:
    """Return the commands that make an artifact again, with all that is made from it."""
    if artifact.maker == "champion":
        return [["champion", "--restore"]]
    first = next(at for at, step in enumerate(steps) if step.stage == artifact.maker)
    return [[*step.command, "--run", RUN] for step in steps[first:]]


def _read(command: list[str], home: Path, path: Path) -> str:
    done = ended_python(["-m", "cxr_tasks", *command], environment(home))
    named = path.name in done.stdout
    if done.returncode == 2 and named:
        return ""
    last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    told = f"{'' if named else 'not '}naming it: {last}"
    return f"{command[0]} ended with {done.returncode}, {told}"
