"""A child process of this project: what it asks of Linux when it begins."""

import os
import subprocess
import sys
from pathlib import Path

_SCORE = "/proc/self/oom_score_adj"
_CHILD = f"""
import os
from cxr_tasks.machine.child_process import die_with_parent
die_with_parent(os.environ)
print(open({_SCORE!r}).read())
"""


def test_child_is_ended_before_its_parent_for_want_of_memory() -> None:
    """Else a container loses its worker, which then cannot say why."""
    environ = os.environ | {"CXR_PARENT_PID": str(os.getpid())}
    command = [sys.executable, "-c", _CHILD]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert int(done.stdout) > int(Path(_SCORE).read_text())
