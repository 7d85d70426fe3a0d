from pathlib import Path

from bench.orchestration import N_TASKS, summarise
from bench.results import as_tables, markdown_table, read_results, write_part

ENTRY = {
    "study_seconds_per_epoch": 5.0,
    "seconds_per_epoch": 0.04,
    "ratio": 125.0,
    "study_prepare_seconds": 9.0,
    "prepare_seconds": 12.0,
    "ingest_and_split_seconds": 7.0,
}
ROW = {"n_images": 30_000, "stage": "ingest", "seconds_per_image": 0.0123, "peak_anon_mb": 456.7}


def test_a_part_is_replaced_and_the_others_stay_with_their_notes(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_part(path, "scale", [ROW])
    write_part(path, "variants", {"old": ENTRY}, images="before")
    write_part(path, "variants", {"new": ENTRY}, images="now")
    results = read_results(path)
    assert (results["variants"], results["scale"]) == ({"new": ENTRY}, [ROW])
    assert results["measured_with"]["variants"]["images"] == "now"
    assert "keras" in results["measured_with"]["scale"]["versions"]


def test_results_have_every_part_before_all_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_part(path, "orchestration", {"dag_seconds": 1})
    results = read_results(path)
    assert (results["variants"], results["scale"]) == ({}, [])


def test_tables_fit_a_terminal_and_say_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_part(path, "variants", {"mobilenetv2_unfrozen": ENTRY}, images="324 synthetic images")
    assert "Scale" not in as_tables(read_results(path))
    write_part(path, "scale", [ROW])
    cost = {"seconds": 81.5, "cpu_seconds": 99.5}
    whole = {"stages": {"audit": cost}, "stage_by_stage": cost, "as_run": cost}
    write_part(path, "whole_run", whole, images="324 synthetic images; weights: random")
    write_part(path, "orchestration", summarise([70, 68, 71], [60, 59, 59]))
    told = as_tables(read_results(path))
    assert max(map(len, told.splitlines())) <= 100
    for figure in (
        "324 synthetic",
        "125.00",
        "0.040",
        "30,000",
        "12.30",
        "457",
        "81.5",
        "10.0 s for 12",
    ):
        assert figure in told


def test_columns_of_a_table_are_aligned() -> None:
    assert markdown_table(["a", "number"], [["long name", "1"], ["b", "20"]]).splitlines() == [
        "| a         | number |",
        "| --------- | -----: |",
        "| long name |      1 |",
        "| b         |     20 |",
    ]


def test_cost_of_airflow_is_the_median_of_the_turns() -> None:
    found = summarise(dag_seconds=[70, 100, 71], direct_seconds=[60, 95, 59])
    assert (found["dag_seconds"], found["direct_seconds"]) == (71, 60)
    assert (found["cost_seconds"], found["cost_seconds_per_task"]) == (10, round(10 / N_TASKS, 2))
