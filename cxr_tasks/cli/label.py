"""The command `label`: a person's decisions about labels, written down for the next run."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cxr_tasks.cli import Command, Options
from cxr_tasks.data.label_decisions import NAME_TO_FILL_IN, LabelDecision, append_decisions
from cxr_tasks.errors import ArtifactError, ConfigError, first_few, shown
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.wording import CLASS_NAMES, one_line

_DESCRIPTION = (
    "Write down what somebody who has looked at images decides about their labels. A decision is "
    "about the label that the source gives an image; the last one about an image counts. The next "
    "run applies the file that its setting label_decisions names."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="of an image, as the report says")
    parser.add_argument("--run", required=True, metavar="NAME", help="run whose data these are")
    ways = parser.add_mutually_exclusive_group(required=True)
    for name, text in (
        ("keep", "the source's label is right"),
        ("flip", "the image is of the other class"),
        ("exclude", "leave the image out"),
    ):
        ways.add_argument(f"--{name}", dest="decision", action="store_const", const=name, help=text)
    parser.add_argument("--by", required=True, metavar="NAME", help="who has looked and decides")
    parser.add_argument("--reason", default="", metavar="TEXT", help="what was seen")
    parser.add_argument("--file", required=True, metavar="FILE", help="a CSV file; lines are added")


def _run(options: Options, home: Home, _environ: Mapping[str, str]) -> int:
    from cxr_tasks.runs.start import open_run
    from cxr_tasks.volume.files import digest_of

    run, config = open_run(home, options["run"])
    labels, path = _labels_of(run), Path(options["file"]).absolute()
    _check(options, labels)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    said = (options["decision"], options["by"].strip(), when, options["reason"].strip())
    paths = list(dict.fromkeys(options["paths"]))
    lock = home.locks / f"label-decisions-{digest_of(str(path.resolve()))[:16]}.lock"
    append_decisions(path, [LabelDecision(name, *said) for name in paths], lock=lock)
    for name in paths:
        print(f"{one_line(name, 200)}: {_effect(options['decision'], labels[name])}")
    print("\n".join(_what_next(path, config.label_decisions)))
    return 0


def _labels_of(run: RunPaths) -> dict[str, int]:
    from cxr_tasks.data.relabelling import source_labels
    from cxr_tasks.runs.ingest_record import IngestRecord
    from cxr_tasks.volume.records import require_record

    folder = run.home.datasets / require_record(run.ingest, IngestRecord).dataset
    labels = source_labels(folder)
    if not labels:
        raise ArtifactError(
            f"The images of the run {run.key!r} are not in {folder}.",
            "Its index says which images there are.",
            f"Ingest them again: python -m cxr_tasks ingest --run {run.key}.",
        )
    return labels


def _check(options: Options, labels: Mapping[str, int]) -> None:
    unknown = [shown(name) for name in options["paths"] if name not in labels]
    if unknown:
        raise ConfigError(
            f"The run {options['run']!r} has no image {first_few(unknown)}.",
            f"A path is one of its data set's, such as {next(iter(labels))!r}.",
            "Copy it from the page of labels in the run's report.",
        )
    if options["by"].strip() in ("", NAME_TO_FILL_IN):  # copied as it stands on the page
        raise ConfigError(
            f"--by {shown(options['by'])} is no name.",
            "A decision is signed by the person who has looked at the image.",
            "Give that name: --by 'Ann Example'.",
        )

    for flag in ("by", "reason"):
        if not all(char.isprintable() for char in options[flag].strip()):
            raise ConfigError(
                f"--{flag} {shown(options[flag])} is not one line of text.",
                "Who reads the file later has to see what was written.",
                "Leave out line breaks, control characters and broken bytes.",
            )


def _effect(decision: str, label: int) -> str:
    name = CLASS_NAMES[label]
    return {
        "keep": f"stays {name}",
        "flip": f"{name} becomes {CLASS_NAMES[1 - label]}",
        "exclude": f"{name}, left out",
    }[decision]


def _what_next(path: Path, of_this_run: str) -> Iterator[str]:
    yield f"Written to {path}. A run applies it with --label-decisions (make: LABEL_DECISIONS)."
    if of_this_run and Path(of_this_run).resolve() != path.resolve():
        yield f"This run's own decisions stand in {of_this_run}: one run reads one file."


COMMAND = Command(
    "write down a person's decision about the label of images, for the next run",
    _run,
    _add_arguments,
    _DESCRIPTION,
)
