"""The command `approval`: what a person is asked before a run's model serves, and the answer.

`approval --ask` is what the DAG's task `approve` runs; the answer is then given in Airflow.
"""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from cxr_tasks.cli import Command, Options
from cxr_tasks.cli.system_user import system_user
from cxr_tasks.errors import ConfigError
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.runs.notes import check_name
from cxr_tasks.runs.start import open_run
from cxr_tasks.settings import RunConfig
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.progress import Progress


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", metavar="NAME", help="name of a run that exists; default: $CXR_RUN"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument("--by", metavar="NAME", help="who answers; default: the system's user")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--ask", action="store_true", help="decide anew whether there is a question")
    ways.add_argument(
        "--approve", metavar="QUESTION", help="let the run's model serve; --ask names the question"
    )
    ways.add_argument("--reject", metavar="QUESTION", help="let it not serve")


def _run(options: Options, home: Home, environ: Mapping[str, str]) -> int:
    from cxr_tasks.champion.question import describe_approval  # which imports much

    run, config = _open(options["run"] or environ.get("CXR_RUN", ""), home)
    context = StageContext(run, config, Progress(run.progress, "promote"), environ)
    if options["ask"]:
        _ask(context)
    elif options["approve"] is not None or options["reject"] is not None:
        _answer(context, options)
        execute("promote", context)
    print(describe_approval(run))
    return 0


def _open(key: str, home: Home) -> tuple[RunPaths, RunConfig]:
    if not key:
        raise ConfigError(
            "No run is named.",
            "A person is asked about the model of one run.",
            "Name it: python -m cxr_tasks approval --run NAME",
        )
    run, config = open_run(home, key)
    if not (config.approval and config.promote):
        raise ConfigError(
            f"The run {key!r} asks nobody (promote={config.promote}, approval={config.approval}).",
            "Only a run with promote and approval waits for a person before its model serves.",
            "Start a run with them (command line: --approval).",
        )
    return run, config


def _ask(context: StageContext) -> None:
    from cxr_tasks.flow.stages.assessment import ask_for_approval

    ask_for_approval(context)


def _answer(context: StageContext, options: Options) -> None:
    from cxr_tasks.champion.approval import answer_approval

    approves = options["approve"] is not None
    answer_approval(
        context.run,
        options["approve" if approves else "reject"],
        "approved" if approves else "rejected",
        by=f"{check_name(options['by'] or system_user())} (command line)",
        reason=options["reason"],
        now=datetime.now(UTC),
    )


COMMAND = Command(
    "show what a person is asked before a run's model serves; --approve, --reject: answer",
    _run,
    _add_arguments,
)
