"""One data set audited: what is found, and what the verdict would be."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from threadpoolctl import threadpool_limits

from bench.real.normals import Normal
from bench.real.sets import Kind, draw_set, kinds
from bench.real.versions import WANTED, Versions
from cxr_tasks.audit.control_tests import Seen, Tested, ask_controls, divide
from cxr_tasks.audit.controls import control_findings, file_tables
from cxr_tasks.evaluation.verdict import compare_controls
from cxr_tasks.statistics.scores import ScoredImages


@dataclass(frozen=True)
class Audited:
    """What the audit says of one data set."""

    checks: list[str]  # those that gave a finding
    aucs: dict[str, float]  # for each control the area under the ROC curve
    shortcuts: list[str]  # the controls that reach the model, here a ridge on frozen features


@dataclass
class _Given:
    """What a process that audits is given once."""

    normals: Sequence[Normal]
    versions: Versions
    n_images: int


_given: list[_Given] = []


def start_auditor(normals: Sequence[Normal], versions: Versions, n_images: int) -> None:
    """Keep in a process what all of its sets are drawn from; it has a core to itself."""
    threadpool_limits(1)
    _given.append(_Given(normals, versions, n_images))


def audit_sets(seed: int) -> dict[str, Audited]:
    """Audit one set of each kind."""
    [given] = _given
    return {
        name: audit_set(given.normals, given.versions, kind, n_images=given.n_images, seed=seed)
        for name, kind in kinds().items()
    }


def audit_set(
    normals: Sequence[Normal], versions: Versions, kind: Kind, *, n_images: int, seed: int
) -> Audited:
    """Draw a data set, and ask the controls about it."""
    drawn = draw_set(normals, kind, n_images=n_images, seed=seed)
    rows = WANTED.rows(drawn.images, drawn.versions)
    tables = file_tables(versions.index.iloc[rows]) | {
        name: table.iloc[rows] for name, table in versions.seen.tables.items()
    }
    features = {name: values[rows] for name, values in versions.seen.features.items()}
    folds = divide(drawn.labels, drawn.groups, seed=seed)
    tested = Tested(drawn.labels, drawn.groups, folds)
    controls, scores = ask_controls(Seen(tables, features), tested, seed=seed)
    model = ScoredImages(drawn.labels, scores["whole_image"], drawn.groups)
    above = {
        name: each
        for name, each in controls.items()
        if each.role == "control" and each.above_chance
    }
    compared = compare_controls(model, above, pd.DataFrame(scores), seed=seed)
    return Audited(
        checks=[each.check for each in control_findings(controls) if each.severity != "info"],
        aucs={name: control.auc for name, control in controls.items()},
        shortcuts=[name for name, each in compared.items() if each.is_shortcut],
    )
