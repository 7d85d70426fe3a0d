"""Every record on the shared volume against its model: read, written the same, refused if damaged.

`record_examples` has records as the schema versions wrote them: those of 3 by whole runs and by
drawn challenges, those of 1 and 2 by drawn runs of the code of that time; each in one line.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from cxr_tasks.audit.drift_record import DriftCompared
from cxr_tasks.champion.pointer_record import PointerRecord
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.cli.main import main
from cxr_tasks.cli.schema import record_models
from cxr_tasks.data.dataset import DatasetRecord
from cxr_tasks.data.split_record import SplitRecord
from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.evaluation.comparison_record import ComparisonRecord
from cxr_tasks.flow.watch import WatchRecord
from cxr_tasks.reporting.report_record import ReportRecord
from cxr_tasks.runs.failure import FailureRecord
from cxr_tasks.runs.ingest_record import IngestRecord
from cxr_tasks.runs.start import ConfigRecord
from cxr_tasks.statistics.figures_record import RateFigures
from cxr_tasks.training.training_record import FoldRecord, TrainingRecord
from cxr_tasks.training.weights import WeightsDownloadRecord
from cxr_tasks.volume.files import as_json, read_json, write_json
from cxr_tasks.volume.progress import Progress
from cxr_tasks.volume.progress_record import ProgressRecord
from cxr_tasks.volume.record_model import (
    Facts,
    SealedRecord,
    StageRecord,
    parse_facts,
    read_sealed_record,
    write_sealed_record,
)
from cxr_tasks.volume.records import find_record, require_record
from cxr_tasks.volume.sealed import read_sealed, write_sealed
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report
from tests.made_facts import filled
from tests.watching.told import figures

EXAMPLES = Path(__file__).parent / "record_examples"
RECORDS = record_models()
MODELS = {f"{name}.json": model for name, model in RECORDS.items()} | {
    "promote-compared.json": PromotionRecord,
    "split-folds.json": SplitRecord,
    "vanilla_cnn.error.json": FailureRecord,
}
FILES = sorted(EXAMPLES.glob("*/*.json"))
NEW_FILES = [path for path in FILES if path.parent.name == "3"]
NOT_ALWAYS_WRITTEN = {
    "AuditRecord.learning_curve",
    "ControlChange.made_equal",
    "ComparisonRecord.subgroups",
    "DatasetRecord.label_decisions",
    "DatasetRecord.remedy",
    "DriftCheck.champion",
    "DriftCheck.run",
    "IngestRecord.base",
    "IngestRecord.first_run",
    "ReportAudit.learning_curve",
    "ReportRecord.seeds",
    "ReportRecord.subgroups",
    "StatisticsFacts.repeats",
    "PartMeasures.roc",
    "ReportData.first_run",
    "ReportData.n_left_out_by_remedy",
    "ReportData.n_unusable_masks_by_reason",
    "ReportData.remedy",
    "TrainedVariant.oof",
    "TrainedVariant.test",
}


def example(name: str, version: int = 3) -> dict[str, Any]:
    path = EXAMPLES / str(version) / name
    return read_sealed(path) if issubclass(MODELS[name], SealedRecord) else read_json(path)


def called(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", FILES, ids=called)
def test_record_is_read_and_written_as_it_was(path: Path) -> None:
    model = MODELS[path.name]
    content = read_sealed(path) if issubclass(model, SealedRecord) else read_json(path)
    record = parse_facts(content, model, path=path)
    assert record.content() == content
    if path in NEW_FILES:
        assert json.dumps(record.content()) == json.dumps(content)  # in the same order too


@pytest.mark.parametrize("path", NEW_FILES, ids=called)
def test_sealed_file_has_the_same_bytes(path: Path, tmp_path: Path) -> None:
    model = MODELS[path.name]
    if issubclass(model, SealedRecord):
        write_sealed_record(tmp_path / path.name, read_sealed_record(path, model))
        whole = json.dumps(read_json(path), indent=2, ensure_ascii=False) + "\n"
        assert (tmp_path / path.name).read_text(encoding="utf-8") == whole


@pytest.mark.parametrize("path", NEW_FILES, ids=called)
def test_every_key_is_written(path: Path) -> None:
    """A default is for older files: whoever writes a record says all that its model has."""
    record = parse_facts(example(path.name), MODELS[path.name], path=path)
    assert set(unset(record)) <= NOT_ALWAYS_WRITTEN


def unset(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name not in value.model_fields_set:
                yield f"{type(value).__name__}.{name}"
            yield from unset(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from unset(each)
    elif isinstance(value, list):
        for each in value:
            yield from unset(each)


@pytest.mark.parametrize("path", NEW_FILES, ids=called)
def test_no_key_is_unknown(path: Path) -> None:
    record = parse_facts(example(path.name), MODELS[path.name], path=path)
    assert list(unknown(record)) == []


def unknown(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or {}
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name))
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from unknown(each)


def test_every_record_has_a_name() -> None:
    of_the_project = {
        each for each in all_below(SealedRecord) if each.__module__.startswith("cxr_tasks.")
    }
    assert of_the_project - {StageRecord} <= {*RECORDS.values()}
    for name, model in RECORDS.items():
        if issubclass(model, StageRecord) and model is not FoldRecord:
            assert f"{name}.json" == model.FILE


def all_below(model: type[Facts]) -> Iterator[type[Facts]]:
    for each in model.__subclasses__():
        if each.__module__.startswith("cxr_tasks."):  # others are of tests
            yield each
            yield from all_below(each)


@pytest.mark.parametrize("name", RECORDS)
def test_schema_is_printed_and_kept_by_the_files(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = RECORDS[name]
    assert main(["schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == model.__name__
    assert schema["description"]
    for path in FILES:
        if MODELS[path.name] is model:
            content = example(path.name, int(path.parent.name))
            assert [
                error.message for error in Draft202012Validator(schema).iter_errors(content)
            ] == []


def test_records_are_listed_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.split() == list(RECORDS)


def test_schema_says_what_a_key_means() -> None:
    entry = RECORDS["champion"].model_json_schema()["$defs"]["ServiceEntry"]
    assert entry["properties"]["at"]["description"] == "ISO 8601."


def test_schema_refuses_what_the_model_refuses() -> None:
    content = example("report.json")
    content["variants"]["vanilla_cnn"]["val_accuracy"] = "good"
    assert not Draft202012Validator(ReportRecord.model_json_schema()).is_valid(content)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("records")
    drawing = Drawing(
        n_images=48,
        n_folds=2,
        n_rejected=1,
        failed=["vanilla_cnn"],
        skipped=["mobilenetv2_unfrozen"],
        lag_decided=True,
        external=True,
        left_out={"dataset": {"tables, which are not read": 1}},
    )
    run, config = draw_run(root, drawing)
    finish_report(run, config)
    return root


def test_drawn_run_is_read_and_written_as_it_was(drawn: Path) -> None:
    seen = set()
    for path in sorted(drawn.rglob("*.json")):
        model = MODELS[path.name]
        content = read_sealed(path) if issubclass(model, SealedRecord) else read_json(path)
        assert parse_facts(content, model, path=path).content() == content
        seen.add(model)
    assert seen >= {DatasetRecord, ReportRecord, ComparisonRecord, TrainingRecord, FailureRecord}


def test_other_files_are_read_and_written_as_they_were(tmp_path: Path) -> None:
    sealed: dict[type[SealedRecord], dict[str, Any]] = {
        WatchRecord: {"seen": "ab", "by": "dag", "at": "2026", "is_new": True, "source": "a zip"},
        WeightsDownloadRecord: {"sha256": "ab"},
        PointerRecord: {"version": None, "since": None, "history": [], "challenges": []},
    }
    for model, content in sealed.items():
        write_sealed(tmp_path / "is.json", content)
        write_sealed_record(tmp_path / "as-model.json", model(**content))
        assert (tmp_path / "is.json").read_bytes() == (tmp_path / "as-model.json").read_bytes()


def test_events_are_read_and_written_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    progress = Progress(path, "train", "vanilla_cnn", fit="fold 1 of 2", echo=lambda _: None)
    progress.epoch(1, n_epochs=3, seconds_left=4.5, text="loss 0.5", figures=figures(0.5))
    lines = path.read_text() + (EXAMPLES / "3" / "progress.jsonl").read_text()
    for line in lines.splitlines():
        event = parse_facts(json.loads(line), ProgressRecord, path=path)
        assert json.dumps(event.content()) == line
        assert list(unset(event)) == []


@pytest.mark.parametrize("path", NEW_FILES, ids=called)
def test_missing_key_is_refused(path: Path) -> None:
    model = MODELS[path.name]
    key = [name for name, field in model.model_fields.items() if field.is_required()][-1]
    content = example(path.name)
    if key not in content:
        return
    del content[key]
    with pytest.raises(DamagedError, match=rf"{key} is missing\.") as caught:
        parse_facts(content, model, path=path)
    assert str(path) in caught.value.problem
    assert model.__name__ in caught.value.rule
    assert caught.value.remedy


def changed(content: dict[str, Any], keys: str, value: object) -> dict[str, Any]:
    content = copy.deepcopy(content)
    at: Any = content
    *before, last = (int(key) if key.isdigit() else key for key in keys.split("."))
    for key in before:
        at = at[key]
    at[last] = value
    return content


@pytest.mark.parametrize(
    ("name", "keys", "value", "reason"),
    [
        ("split.json", "parts.train.n_images", "many", "is no whole number ('many')"),
        ("split.json", "parts.train.n_images", True, "is no whole number (True)"),
        ("split.json", "parts.train.n_images", 1.5, "is no whole number (1.5)"),
        ("split.json", "parts", [], "is no object ([])"),
        ("split.json", "seconds", float("nan"), "is no finite number (nan)"),
        ("split.json", "outputs", None, "is no object (None)"),
        ("split.json", "stage", "audit", "is not right: Input should be 'split' ('audit')"),
        ("comparison.json", "variants.vanilla_cnn.n_train", None, "is no whole number (None)"),
        ("comparison.json", "variants.vanilla_cnn", 3, "is no object (3)"),
        ("comparison.json", "variants.vanilla_cnn.train.roc.fpr.3", "x", "is no number ('x')"),
        ("comparison.json", "pairs.0.accuracy_difference.interval", [1.0], "is not right: "),
        ("comparison.json", "pairs.0.sentence", "\udcff", "is no Unicode text ('\\udcff')"),
        ("audit.json", "findings.0.value", "x", "is no whole number ('x')"),
        ("report.json", "variants.vanilla_cnn.headline.f1", 1, "is no object (1)"),
        ("champion.json", "history.0.at", 0, "is no text (0)"),
    ],
)
def test_key_of_another_kind_is_refused(name: str, keys: str, value: object, reason: str) -> None:
    with pytest.raises(DamagedError) as caught:
        parse_facts(changed(example(name), keys, value), MODELS[name], path=Path(name))
    assert f"{keys} {reason}" in caught.value.problem


def test_measures_of_a_part_in_the_report_are_checked() -> None:
    content = changed(example("report.json"), "variants.vanilla_cnn.val_loss", "x")
    with pytest.raises(DamagedError, match=r"vanilla_cnn\.val_loss is no number"):
        parse_facts(content, ReportRecord, path=Path("report.json"))


def test_at_most_five_offenders_are_named() -> None:
    with pytest.raises(DamagedError) as caught:
        parse_facts({}, SplitRecord, path=Path("split.json"))
    assert caught.value.problem.count(" is missing") == 5
    assert "in all)" in caught.value.problem


def test_pointer_that_contradicts_its_history_is_refused() -> None:
    content = changed(example("champion.json"), "version", "0001-first")
    with pytest.raises(DamagedError, match="version is not what the history says"):
        parse_facts(content, PointerRecord, path=Path("champion.json"))


def test_damaged_record_of_a_stage_names_the_command(tmp_path: Path) -> None:
    write_sealed(tmp_path / "dataset.json", example("dataset.json") | {"n_images": None})
    with pytest.raises(DamagedError, match="n_images is no whole number") as caught:
        find_record(tmp_path, DatasetRecord)
    assert "python -m cxr_tasks ingest --run NAME" in caught.value.remedy


def test_stage_record_is_found_or_required(tmp_path: Path) -> None:
    assert find_record(tmp_path, IngestRecord) is None
    with pytest.raises(ArtifactError, match="is not finished"):
        require_record(tmp_path, IngestRecord)
    write_sealed(tmp_path / "ingest.json", example("ingest.json"))
    found = require_record(tmp_path, IngestRecord)
    assert found == find_record(tmp_path, IngestRecord)
    assert found.weights.origin == "phantom"


def test_changed_bit_and_newer_version_are_refused_as_before(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text((EXAMPLES / "3" / "config.json").read_text().replace("easy", "hard"))
    with pytest.raises(DamagedError, match="does not match its digest"):
        read_sealed_record(path, ConfigRecord)
    write_json(path, {"schema_version": 99})
    with pytest.raises(ArtifactError, match="schema version 99"):
        read_sealed_record(path, ConfigRecord)


def test_key_of_newer_code_is_kept_at_its_place() -> None:
    content = changed(example("champion.json"), "history.0.by", "somebody")
    record = parse_facts(content, PointerRecord, path=Path("champion.json"))
    assert record.content() == content


def test_record_does_not_change() -> None:
    record = parse_facts(example("split.json"), SplitRecord, path=Path("split.json"))
    with pytest.raises(ValidationError, match="frozen"):
        record.kind = "paper"  # type: ignore[misc, unused-ignore]


def test_key_that_is_no_name_in_python_is_read() -> None:
    checks = parse_facts(example("drift.json"), DriftCompared, path=Path("drift.json")).checks
    assert {each.class_name for each in checks} == {None, "COVID-19", "normal"}


def test_a_fraction_beyond_one_is_refused_in_plain_words(tmp_path: Path) -> None:
    content = as_json(filled(RateFigures))
    content["f1"]["interval"] = [0.5, 1.2]
    with pytest.raises(DamagedError, match="f1 is not right: a fraction lies between 0 and 1"):
        parse_facts(content, RateFigures, path=tmp_path / "x.json")
