"""Stage `ingest`: from the files of a source to a store of equal images."""

import csv
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxr_tasks.data.dataset import GIVEN, INDEX_COLUMNS, DatasetFacts, DatasetRecord
from cxr_tasks.data.decoding import Accepted, Rejected, decode_all
from cxr_tasks.data.images import IMAGE_SIZE_PX
from cxr_tasks.data.mask_store import MaskWriter, report_masks
from cxr_tasks.data.relabelling import Decided, count_decisions, relabelled, write_decided
from cxr_tasks.data.sources.candidates import Listing
from cxr_tasks.data.sources.left_out import NO_CLASS, REMEDIES, counted, n_ignored_links
from cxr_tasks.data.sources.patients import with_patients
from cxr_tasks.data.sources.source import Source, open_source
from cxr_tasks.errors import DataError, first_few
from cxr_tasks.machine.devices import n_cores
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.array_file import ArrayFile
from cxr_tasks.volume.files import as_unicode, building, digest_of, open_table, remove_leftovers
from cxr_tasks.volume.locks import locked
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.progress import Report, duration, warning, watched
from cxr_tasks.volume.records import find_finished, make_record, versions, write_record
from cxr_tasks.volume.source_code import source_digest
from cxr_tasks.wording import CLASS_NAMES

_DECIDING_CODE = ("data",)
_DECIDING_LIBRARIES = ("numpy", "pillow")
"""What decides what a store of the same files holds: changed, it makes another one."""

REJECTED_COLUMNS = ("path", "label", "reason")


def ingest(
    config: RunConfig,
    *,
    home: Home,
    environ: Mapping[str, str],
    report: Report = print,
    on_listing: Callable[[Listing], object] = lambda _listing: None,
) -> str:
    """Store a source's images in `datasets/<fingerprint>`; what is there is not decoded again.

    Args:
        config: Names the source and the classes.
        home: The shared volume.
        environ: Where credentials may stand.
        report: Takes what a watching person wants to know.
        on_listing: Takes what lies there now; the data set may have been ingested when less did.

    Returns:
        The fingerprint: 16 hexadecimal digits that stand for the images, labels and patients.

    Raises:
        SourceError: The source cannot be reached or opened.
        DataError: A class is empty, or too many files are unusable.
    """
    source = open_source(config, home=home, environ=environ, report=report)
    listing = as_found = _list(source, config, report)
    decided: tuple[Decided, ...] = ()
    if config.label_decisions:
        listing, decided = relabelled(as_found, Path(config.label_decisions), report=report)
    on_listing(listing)
    digest = source.digest()
    fingerprint = _fingerprint(digest, listing, decided)
    folder = home.datasets / fingerprint
    with locked(home.locks / f"dataset-{fingerprint}.lock"):
        record = find_finished(folder, DatasetRecord, note=report)
        remove_leftovers(folder)
        if record is None:
            _build(
                folder,
                source,
                listing,
                decisions=_Decisions(decided, _fingerprint(digest, as_found)),
                config=config,
                digest=digest,
                report=report,
            )
        else:
            report(f"{record.n_images} images were ingested before: dataset {fingerprint}")
            report_masks(record, report)
            _check_usable(folder, record, config)
    return fingerprint


def _list(source: Source, config: RunConfig, report: Report) -> Listing:
    listing = source.listing()
    counts = ", ".join(f"{n} {name}" for name, n in listing.n_by_class.items())
    masks = f", {len(listing.masks)} lung masks" if listing.masks else ""
    report(f"{source.description}: {counts}{masks}")
    for reason, n in listing.n_left_out_by_reason.items():
        report(warning(f"left out: {counted(n, reason)}. {REMEDIES.get(reason, '')}".rstrip()))
    if listing.tables:
        report(f"not read: {first_few(list(map(repr, listing.tables)))}")
    if not config.patients:
        return listing
    path = Path(config.patients)
    known = with_patients(listing.candidates, path, report=report, root=config.data)
    return replace(listing, candidates=known)


def _fingerprint(digest: str, listing: Listing, decided: tuple[Decided, ...] = ()) -> str:
    """Digest what decides about the store: bytes, what is taken from them, and the code that does.

    Preset, patterns and patients file are in it by what they lead to; people's decisions about
    labels as they are, since they are kept with the images.
    """
    candidates = [
        [
            os.fsencode(item.path).hex(),
            item.label,
            item.patient,
            item.source,
            vars(item.acquisition),
            # what is in a mask is in the source's digest; of one beside it, the name means nothing
            "beside" if item.mask.startswith("/") else os.fsencode(item.mask).hex(),
        ]
        for item in listing.candidates
    ]
    libraries = [versions()[name] for name in _DECIDING_LIBRARIES]
    content = [source_digest(*_DECIDING_CODE), libraries, digest, candidates]
    if decided:
        content.append(sorted(each.decision for each in decided))
    return digest_of(content)[:16]


@dataclass(frozen=True)
class _Decisions:
    """People's decisions about labels, which are kept with the images that they changed."""

    decided: tuple[Decided, ...]
    dataset_before: str  # fingerprint of the same without them

    def keep_with(self, facts: DatasetFacts, built: Path) -> DatasetFacts:
        """Write them beside the images, where there are any, and add their counts to the facts."""
        if not self.decided:
            return facts
        write_decided(self.decided, built)
        counts = count_decisions(self.decided, dataset_before=self.dataset_before)
        return facts.model_copy(update={"label_decisions": counts})


def _build(
    folder: Path,
    source: Source,
    listing: Listing,
    *,
    decisions: _Decisions,
    config: RunConfig,
    digest: str,
    report: Report,
) -> None:
    started = time.monotonic()
    with building(folder) as built:
        facts = _store(source, listing, built, name=config.source, report=report)
        facts = decisions.keep_with(facts, built)
        _check_usable(built, facts, config)
        if source.digest() != digest:
            raise DataError(
                f"The {source.description} changed while its images were read.",
                "A data set is stored under a digest of its content.",
                "Run the stage again when nothing writes there any more.",
            )
        seconds = time.monotonic() - started
        # the store is shared: configuration and seed are those of the run that came first
        record = make_record(
            built,
            DatasetRecord,
            inputs={"source": digest},
            config_fingerprint=config.fingerprint,
            seed=config.seed,
            seconds=seconds,
            facts=facts,
        )
        write_record(built, record)
    reasons = ", ".join(f"{n} {reason}" for reason, n in facts.n_rejected_by_reason.items())
    text = f"{facts.n_images} images in {duration(seconds)}, {facts.n_rejected} rejected"
    report(f"{text} ({reasons})" if reasons else text)
    report_masks(facts, report)


def _store(
    source: Source, listing: Listing, built: Path, *, name: str, report: Report
) -> DatasetFacts:
    """Write the images, their index and what was rejected, each one by one; return the facts."""
    labels: Counter[int] = Counter()
    with_patient: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    outcomes = decode_all(source, listing.candidates, n_workers=n_cores())
    shape = (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3)
    with (
        ArrayFile(built / "images.npy", row_shape=shape, dtype=np.uint8) as images,
        open_table(built / "index.csv", list(INDEX_COLUMNS)) as index,
        open_table(built / "rejected.csv", REJECTED_COLUMNS) as rejected,
        MaskWriter(built, expected=bool(listing.masks)) as masks,
        closing(outcomes),
    ):
        for outcome in watched(outcomes, n=len(listing.candidates), report=report):
            if isinstance(outcome, Rejected):
                reasons[outcome.reason] += 1
                path = as_unicode(outcome.candidate.path)  # the name itself may be what is wrong
                row = {"path": path, "label": outcome.candidate.label, "reason": outcome.reason}
                rejected.writerow(row)
                continue
            labels[outcome.candidate.label] += 1
            with_patient[outcome.candidate.label] += bool(outcome.candidate.patient)
            images.append(outcome.image.pixels)
            masks.append(outcome)
            index.writerow(_index_row(outcome))
    return DatasetFacts(
        source=name,
        description=source.description,
        synthetic=source.synthetic,
        image_size_px=IMAGE_SIZE_PX,
        n_candidates=len(listing.candidates),
        n_images=labels.total(),
        n_by_class={of: labels[label] for label, of in CLASS_NAMES.items()},
        known_patient_fraction_by_class={
            of: with_patient[label] / labels[label] if labels[label] else 0.0
            for label, of in CLASS_NAMES.items()
        },
        n_rejected=reasons.total(),
        n_rejected_by_reason=dict(reasons.most_common()),
        n_unmatched=listing.n_left_out_by_reason.get(NO_CLASS, 0),
        n_ignored_links=n_ignored_links(listing.n_left_out_by_reason),
        n_left_out_by_reason=dict(listing.n_left_out_by_reason),
        n_masks_by_class={of: masks.n_by_label[label] for label, of in CLASS_NAMES.items()},
        n_unusable_masks_by_reason={**listing.n_unclear_masks_by_reason, **masks.n_by_fault},
    )


def _index_row(outcome: Accepted) -> dict[str, object]:
    candidate = outcome.candidate
    facts = {**vars(candidate), **vars(candidate.acquisition), **vars(outcome.image)}
    facts |= {"bytes": outcome.n_bytes, "sha256": outcome.sha256}
    facts["mask"] = "" if outcome.mask is None else GIVEN
    return {name: facts[name] for name in INDEX_COLUMNS}


def _check_usable(folder: Path, facts: DatasetFacts, config: RunConfig) -> None:
    """Refuse a store with too many rejects for this run, or with an empty class."""
    with (folder / "rejected.csv").open(encoding="utf-8", newline="") as stream:
        listed = first_few([f"{row['path']!r}: {row['reason']}" for row in csv.DictReader(stream)])
    rejected = f": {facts.n_rejected} files were rejected ({listed})" if listed else ""
    for name, n_images in facts.n_by_class.items():
        if n_images == 0:
            raise DataError(
                f"No image of the class {name} in {facts.description}{rejected}.",
                f"Both classes need images; found: {facts.n_by_class}.",
                f"Correct {'label_decisions, ' if config.label_decisions else ''}data, preset or "
                "patterns, or add usable images of this class.",
            )
    if facts.n_rejected > config.max_rejected_fraction * facts.n_candidates:
        raise DataError(
            f"{facts.n_rejected} of {facts.n_candidates} files in {facts.description} "
            f"cannot be used ({listed}).",
            f"max_rejected_fraction={config.max_rejected_fraction} of the files may be unusable.",
            "Mend or remove them, or raise max_rejected_fraction.",
        )
