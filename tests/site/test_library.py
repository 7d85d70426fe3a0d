"""Reading runs: whatever is in their folders, the others are read."""

import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.pointer import changing, serve
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.site.library import Library
from cxr_tasks.site.reading import read_run
from cxr_tasks.site.run_facts import RunFacts
from cxr_tasks.site.site import Site
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from cxr_tasks.volume.size import weigh
from tests.made_facts import filled
from tests.site.shelf import BEGAN, put_run, put_unfinished

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def read(home: Home) -> dict[str, Any]:
    return {run.key: run for run in Library(home).runs()}


def put_promotion(run: RunPaths, **facts: str) -> None:
    write_sealed_record(run.promote / "promote.json", filled(PromotionRecord, **facts))


def test_a_volume_that_does_not_exist_has_no_runs(tmp_path: Path) -> None:
    assert Library(Home(tmp_path / "none")).runs() == []


def test_a_finished_run_is_read(home: Home, template: RunPaths) -> None:
    put_run(home, template, "one", began=BEGAN + 5, seconds=61)
    run = read(home)["one"]
    assert (run.started, run.duration_seconds, run.problem) == (BEGAN + 5, 61, "")
    assert run.report.synthetic
    assert run.report.weights_origin == "random"
    assert run.report.basis == "test"
    assert run.report.variants["vanilla_cnn"].status == "skipped"
    frozen = run.report.variants["mobilenetv2_frozen"]
    assert 0.5 < frozen.accuracy.value <= 1
    assert frozen.accuracy.interval[0] <= frozen.accuracy.value <= frozen.accuracy.interval[1]


def test_runs_come_newest_first(home: Home, template: RunPaths) -> None:
    for key, began in (("old", BEGAN), ("new", BEGAN + 9), ("middle", BEGAN + 4)):
        put_run(home, template, key, began=began)
    assert [run.key for run in Library(home).runs()] == ["new", "middle", "old"]


def test_run_whose_model_was_retired_says_so(home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one", began=BEGAN)
    put_promotion(run, decision="promoted", reason="The first.", version="0001-one")
    with changing(home):
        serve(home, "0001-one", action="promoted", reason="The first.", now=NOW)
    library = Library(home)
    assert library.runs()[0].decision == "promoted"
    with changing(home):
        serve(home, "0001-one", action="retired", reason="Masks.", now=NOW)
    for facts in (library.runs()[0], library.find("one")):
        assert facts is not None
        assert (facts.decision, facts.reason) == ("retired", "Masks.")
    (home.champion / "champion.json").write_text("{", encoding="utf-8")
    assert read(home)["one"].decision == "promoted"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("report/report.json", '{"half": '),
        ("report/report.json", "[1, 2]"),
        ("report/report.json", "{}"),
        ("report/report.json", "\udcff"),
        ("report/report.json", '{"data": 3, "audit": null}'),
        ("report/report.json", "[" * 100_000),
        ("config.json", "nonsense"),
        ("config.json", '{"config": 4}'),
        ("ingest/ingest.json", '{"unchanged_since": 7}'),
        ("promote/promote.json", '{"decision": null}'),
    ],
)
def test_a_damaged_run_is_told_and_hides_no_other(
    home: Home, template: RunPaths, file: str, content: str
) -> None:
    put_run(home, template, "good")
    path = put_run(home, template, "bad").root / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode(errors="surrogateescape"))
    runs = read(home)
    assert runs["good"].problem == ""
    assert re.match(f"{file} (cannot be read: |is not what was written: ).", runs["bad"].problem)
    assert str(home.root) not in runs["bad"].problem


def test_a_changed_report_and_one_of_a_newer_version_say_so(home: Home, template: RunPaths) -> None:
    report = put_run(home, template, "bad").report / "report.json"
    report.write_text(report.read_text().replace("a", "b", 1))
    assert "is not what was written" in read(home)["bad"].problem
    write_json(report, {"schema_version": 99})
    assert read(home)["bad"].problem == "report/report.json has schema version 99."


def test_a_figure_that_is_no_number_is_damage(home: Home, template: RunPaths) -> None:
    def change(report: dict[str, Any]) -> None:
        report["variants"]["mobilenetv2_frozen"]["headline"]["accuracy"]["value"] = "<b>1</b>"

    put_run(home, template, "bad", change=change)
    assert "is no number" in read(home)["bad"].problem


def test_damaged_events_are_passed_over(home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one", seconds=33)
    with run.progress.open("a") as stream:
        stream.write('{"stage": "report"}\nnonsense\n{"stage": "tra')
    assert read(home)["one"].duration_seconds == 33


def test_what_a_later_command_tells_is_no_sign_of_the_run(home: Home, template: RunPaths) -> None:
    run = put_unfinished(home, template, "one")
    sent = {"stage": "track", "variant": "", "kind": "done", "text": "sent", "at": BEGAN + 1e7}
    events = run.progress.read_text()
    run.progress.write_text(json.dumps(sent | {"at": BEGAN - 1e7}) + "\n" + events)
    with run.progress.open("a") as stream:
        stream.write(json.dumps(sent) + "\n")
    (facts,) = Library(home, clock=lambda: BEGAN + 1e7).runs()
    assert (facts.started, facts.duration_seconds) == (BEGAN, 60)
    assert (facts.state, facts.tasks) == ("cut off", ("train",))


def test_a_clock_set_back_makes_no_negative_duration_and_keeps_no_run_at_work(
    home: Home, template: RunPaths
) -> None:
    put_run(home, template, "whole", seconds=-600)
    put_unfinished(home, template, "killed")
    runs = {run.key: run for run in Library(home, clock=lambda: BEGAN - 600).runs()}
    assert runs["whole"].duration_seconds is None
    assert runs["killed"].state == "cut off"


def test_an_empty_folder_is_a_run_without_configuration(home: Home) -> None:
    home.run("empty").root.mkdir(parents=True)
    assert read(home)["empty"].problem == "config.json is missing."


def test_failures_are_read_with_their_stage(home: Home, template: RunPaths) -> None:
    run = put_unfinished(home, template, "bad")
    write_json(run.error("ingest"), {"message": "no <images>"})
    write_json(run.error("train", "vanilla_cnn"), {"message": ""})
    failures = read(home)["bad"].failures
    assert [(each.stage, each.message) for each in failures] == [
        ("ingest", "no <images>"),
        ("train vanilla_cnn", "No reason is known."),
    ]


def test_what_the_run_ended_with_is_read(home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    put_promotion(run, decision="kept", reason="No better.")
    assert (read(home)["one"].decision, read(home)["one"].reason) == ("kept", "No better.")


def test_files_and_names_that_no_run_can_have_are_passed_over(
    home: Home, template: RunPaths
) -> None:
    put_run(home, template, "one")
    (home.root / "runs" / ".hidden.building-x").mkdir()
    (home.root / "runs" / "a file").write_text("")
    (home.root / "runs" / "file").write_text("")
    assert list(read(home)) == ["one"]


def test_a_link_to_a_folder_elsewhere_is_no_run(
    home: Home, template: RunPaths, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret"
    shutil.copytree(template.root, elsewhere)
    (home.root / "runs").mkdir()
    (home.root / "runs" / "secret").symlink_to(elsewhere)
    assert read(home) == {}
    assert Library(home).find("secret") is None


def test_a_linked_file_elsewhere_is_not_read(home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    report = run.report / "report.json"
    report.unlink()
    report.symlink_to(template.report / "report.json")
    assert read(home)["one"].report is None


def test_a_runs_folder_that_is_itself_a_link_is_followed(
    home: Home, template: RunPaths, tmp_path: Path
) -> None:
    put_run(Home(tmp_path / "disk"), template, "one")
    (home.root / "runs").symlink_to(tmp_path / "disk" / "runs")
    assert read(home)["one"].report is not None


def test_a_change_is_seen_by_the_same_library(home: Home, template: RunPaths) -> None:
    library = Library(home)
    run = put_unfinished(home, template, "one")
    assert library.runs()[0].report is None
    shutil.copytree(template.report, run.report)
    assert library.runs()[0].report is not None
    write_json(run.error("evaluate"), {"message": "no memory"})
    assert library.runs()[0].failures
    shutil.rmtree(run.root)
    assert library.runs() == []


def test_what_has_not_changed_is_not_read_again(home: Home, template: RunPaths) -> None:
    library = Library(home)
    put_run(home, template, "one")
    assert library.runs()[0] is library.runs()[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "one")
    run.config.chmod(0)
    assert "config.json cannot be read" in read(home)["one"].problem


def test_only_what_changed_is_read_again(
    home: Home, template: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_keys: list[str] = []

    def counted(run: RunPaths) -> RunFacts:
        read_keys.append(run.key)
        return read_run(run)

    monkeypatch.setattr("cxr_tasks.site.library.read_run", counted)
    for number in range(20):
        put_run(home, template, f"run-{number}", began=BEGAN + number)
    library = Library(home)
    assert len(library.runs()) == len(read_keys) == 20
    assert len(library.runs()) == len(read_keys)
    os.utime(home.run("run-7").progress, ns=(1, 1))
    library.runs()
    assert read_keys[20:] == ["run-7"]


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["hashes"].pop("split.csv"),
        lambda report: report["variants"].pop("vanilla_cnn"),
        lambda report: report["variants"]["mobilenetv2_frozen"]["headline"]["accuracy"].update(
            value=1e308, interval=[-1e308, 1e308]
        ),
    ],
    ids=["no digest of the split", "a variant less", "no fraction"],
)
def test_whole_record_with_odd_content_costs_its_own_row_only(
    home: Home, template: RunPaths, change: Callable[[dict[str, Any]], None]
) -> None:
    put_run(home, template, "good")
    put_run(home, template, "odd", change=change)
    site = Site(home)
    runs = read(home)
    assert runs["good"].problem == ""
    assert (runs["odd"].report is None) == bool(runs["odd"].problem)
    assert site.all_runs({}, base="/cxr").status == 200
    assert site.compared(["odd", "good"], base="/cxr").status in (200, 404)


@pytest.mark.parametrize("file", ["config.json", "report/report.json", "progress.jsonl"])
def test_link_to_itself_costs_its_own_row_only(home: Home, template: RunPaths, file: str) -> None:
    put_run(home, template, "good")
    path = put_run(home, template, "odd").root / file
    path.unlink()
    path.symlink_to(path)
    assert set(read(home)) == {"good", "odd"}
    assert weigh(home.root).n_bytes > 0
    assert weigh(path).n_bytes >= 0
