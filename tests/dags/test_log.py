"""The level at which a child's lines reach a task's log."""

import re

from tests.dags.airflow_cli import run_python

LOG = """
import sys
sys.path.insert(0, "dags")
from cxr_airflow.tasks import log_line
log_line("ingest: Warning: no pre-trained weights, 100 % random")
log_line("train vanilla_cnn: epoch 1/2: loss 0.5")
log_line("WARNING:tensorflow:5 out of the last 5 calls")
"""


def test_lines_of_a_child_keep_their_level(airflow_environ: dict[str, str]) -> None:
    done = run_python(["-c", LOG], airflow_environ, expected=0)
    told = re.findall(r"\[(\w+) *\] (.+?) +\[cxr_airflow", done.stdout)
    assert told == [
        ("warning", "ingest: Warning: no pre-trained weights, 100 % random"),
        ("info", "train vanilla_cnn: epoch 1/2: loss 0.5"),
        ("warning", "WARNING:tensorflow:5 out of the last 5 calls"),
    ]
