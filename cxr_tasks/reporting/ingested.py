"""What ingestion took, rejected and left out, for the end of a run in a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from cxr_tasks.data.sources.left_out import left_out_in_words, left_out_of
from cxr_tasks.volume.paths import RunPaths
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import one_line


def ingested_lines(run: RunPaths) -> Iterator[str]:
    """Yield a line for each data set of a run, and one for each kind of what is not in it.

    Data sets that are gone from the volume have no line.
    """
    ingested = find_record(run.ingest, "ingest") or {}
    for name, title in (("dataset", "Images"), ("external", "External images")):
        fingerprint = ingested.get(name)
        dataset = find_record(run.home.datasets / fingerprint, "dataset") if fingerprint else None
        if dataset:
            yield from _lines(title, dataset, left_out_of(ingested, dataset, name))


def _lines(title: str, dataset: Mapping[str, Any], left_out: Mapping[str, int]) -> Iterator[str]:
    n_rejected, n_left_out = dataset["n_rejected"], sum(left_out.values())
    yield (
        f"{title}: {dataset['n_images']} taken, {n_rejected or 'none'} rejected, "
        f"{n_left_out or 'none'} left out"
    )
    if reasons := dataset.get("n_rejected_by_reason"):  # older versions did not tally them
        counts = (f"{n} {one_line(reason, 200)}" for reason, n in reasons.items())
        yield f"  Rejected: {', '.join(counts)}"
    if n_left_out:
        yield f"  Left out: {left_out_in_words(left_out)}"
