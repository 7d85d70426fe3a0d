from pathlib import Path

from cxr_tasks.flow.result import describe_result
from cxr_tasks.runs.start import describe_start
from cxr_tasks.volume.files import write_json
from cxr_tasks.volume.paths import Home
from tests.drawing import Drawing
from tests.drawn_run import draw_run, finish_report


def test_a_finished_run_tells_verdict_and_report(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    finish_report(run, config)
    told = describe_result(
        run.home,
        dag_id="cxr_pipeline",
        run_id="manual__1",
        state="success",
        started=describe_start(run),
    )
    assert told["text"].startswith("cxr_pipeline, run drawn: success. Verdict ")
    assert told["report"] == str(run.report / "index.html")
    assert told["errors"] == {}


def test_a_failed_run_tells_why(tmp_path: Path) -> None:
    run = Home(tmp_path).run("scheduled-1")
    message = "SourceError: no such folder.\nThe rule.\nThe remedy."
    write_json(run.error("ingest"), {"message": message})
    told = describe_result(
        run.home,
        dag_id="cxr_pipeline",
        run_id="scheduled__1",
        state="failure",
        started={"run": run.key},
    )
    assert told["errors"] == {"ingest": "SourceError: no such folder."}
    assert "ingest: SourceError: no such folder." in told["text"]


def test_a_stopped_run_is_told_as_stopped(tmp_path: Path) -> None:
    run = Home(tmp_path).run("first")
    write_json(run.error("ingest"), {"message": "Stopped. What is finished is kept."})
    old = describe_result(
        run.home, dag_id="cxr_pipeline", run_id="a", state="failure", started={"run": run.key}
    )
    assert old["text"].startswith("cxr_pipeline, run first: failure.")
    write_json(run.error("ingest"), {"message": "Stopped. What is kept.", "stopped": True})
    told = describe_result(
        run.home, dag_id="cxr_pipeline", run_id="a", state="failure", started={"run": run.key}
    )
    assert told["text"].startswith("cxr_pipeline, run first: stopped.")


def test_a_refused_run_tells_its_refusal_and_nothing_of_the_run_of_its_name(tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48), key="manual-1")
    finish_report(run, config)
    told = describe_result(
        run.home,
        dag_id="cxr_pipeline",
        run_id="manual-1",
        state="failure",
        refusal="The run 'x' exists with other settings.\nThe rule.\nThe remedy.",
    )
    assert told["text"] == (
        "cxr_pipeline, run manual-1: failure. start: The run 'x' exists with other settings."
    )
    assert "verdict" not in told


def test_a_run_that_left_nothing_is_told_too(tmp_path: Path) -> None:
    told = describe_result(Home(tmp_path), dag_id="cxr_watch", run_id="manual__1", state="failure")
    assert told["text"] == "cxr_watch, run manual__1: failure."


def test_a_name_that_cannot_be_a_folder_is_no_error_here(tmp_path: Path) -> None:
    told = describe_result(
        Home(tmp_path), dag_id="cxr_pipeline", run_id="x", state="failure", started={"run": "../x"}
    )
    assert "cannot be used" in told["text"]
