"""How a run ended, in words and figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_tasks.errors import CxrError, DamagedError
from cxr_tasks.runs.failure import FailureRecord, read_failure
from cxr_tasks.runs.start import started_key
from cxr_tasks.runs.unchanged import unchanged_since
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.records import find_record
from cxr_tasks.wording import recommended


def describe_result(
    home: Home, *, dag_id: str, run_id: str, state: str, started: object = None, refusal: str = ""
) -> dict[str, Any]:
    """Describe how a run ended; what it left on the shared volume says the rest.

    Args:
        home: The shared volume.
        dag_id: Of the DAG; only `cxr_pipeline` leaves verdict and report.
        run_id: Airflow's name of the run.
        state: `success` or `failure`.
        started: What its task `start` returned about the run that it began; nothing about any
            other run is reported.
        refusal: Why `start` began none.

    Returns:
        `text`, for a person, and `dag_id`, `run_id`, `state`, `stopped`, `run`, `verdict`,
        `recommended`, `promotion`, `report`, `errors`, as far as they are known.
    """
    facts: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id, "state": state}
    if refusal:
        facts["errors"] = {"start": refusal.splitlines()[0]}
    try:
        if key := started_key(started):
            facts |= {"run": key, **_facts_of(home.run(key))}
    except CxrError as err:
        facts["errors"] = {"artifacts": err.problem}
    except FileNotFoundError as err:  # the run is being deleted
        facts["errors"] = {"artifacts": f"{err.filename} has disappeared while it was read."}
    return {"text": _text(facts), **facts}


def _facts_of(run: RunPaths) -> dict[str, Any]:
    from cxr_tasks.champion.promotion_record import PromotionRecord
    from cxr_tasks.reporting.report_record import ReportRecord

    failures = {path: _failure(path) for path in sorted(run.root.rglob("*.error.json"))}
    facts: dict[str, Any] = {
        "errors": {
            path.name.removesuffix(".error.json"): failure.first_line
            for path, failure in failures.items()
        },
        "stopped": bool(failures) and all(each.stopped for each in failures.values()),
    }
    if report := find_record(run.report, ReportRecord):
        facts |= {
            "verdict": report.audit.verdict,
            "recommended": report.recommendation.variant,
            "report": str(run.report / "index.html"),
        }
    if promotion := find_record(run.promote, PromotionRecord):
        facts["promotion"] = promotion.decision
    if earlier := unchanged_since(run):
        facts["unchanged_since"] = earlier
    return facts


def _failure(path: Path) -> FailureRecord:
    """Read how a stage failed; what is damaged does not cost the rest."""
    try:
        return read_failure(path)
    except DamagedError:
        return FailureRecord(message="")


def _text(facts: Mapping[str, Any]) -> str:
    state = "stopped" if facts.get("stopped") and facts["state"] != "success" else facts["state"]
    sentences = [f"{facts['dag_id']}, run {facts.get('run', facts['run_id'])}: {state}."]
    if "verdict" in facts:
        sentences.append(f"Verdict {facts['verdict']}. {recommended(facts['recommended'])}.")
    if "promotion" in facts:
        sentences.append(f"Champion: {facts['promotion']}.")
    if "unchanged_since" in facts:
        sentences.append(f"Nothing has changed since {facts['unchanged_since']}.")
    sentences += [f"{name}: {message}" for name, message in (facts.get("errors") or {}).items()]
    return " ".join(sentences)
