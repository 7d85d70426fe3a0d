"""What a process allocates is seen, also in its children; mapped files are not.

Each is tried in a process of its own: what pytest and the tests before have, and perhaps give back
meanwhile, is not measured.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from cxr_tasks.machine.memory import ran_out

SETTLED = """
import subprocess, sys, time
import numpy as np
from cxr_tasks.machine.memory import MemoryWatch, anonymous_bytes

MB = 1_000_000
ALLOCATE = "import sys; held = bytearray(b'1' * 100_000_000); print(); sys.stdin.read()"

def wait_for(peak_mb, watch):
    until = time.monotonic() + 10
    while watch.peak_anon_mb() < peak_mb and time.monotonic() < until:
        time.sleep(0.02)

before = anonymous_bytes() / MB
"""


def run_alone(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETTLED + code, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_peak_that_has_gone_is_remembered() -> None:
    run_alone("""
with MemoryWatch() as watch:
    held = np.ones(100 * MB, np.uint8)
    wait_for(before + 95, watch)
    del held
assert before + 95 < watch.peak_anon_mb() < before + 130, (before, watch.peak_anon_mb())
assert anonymous_bytes() / MB < before + 50
""")


def test_worker_processes_count() -> None:
    run_alone("""
with MemoryWatch() as watch:
    child = subprocess.Popen(
        [sys.executable, "-c", ALLOCATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()
    wait_for(before + 95, watch)
    child.communicate()
assert watch.peak_anon_mb() > before + 95, (before, watch.peak_anon_mb())
""")


def test_mapped_files_do_not_count(tmp_path: Path) -> None:
    store = tmp_path / "store.npy"
    np.save(store, np.ones(100_000_000, np.uint8))
    run_alone(
        """
with MemoryWatch() as watch:
    mapped = np.load(sys.argv[1], mmap_mode="r")
    assert int(mapped.sum()) == 100 * MB
    time.sleep(0.3)
assert watch.peak_anon_mb() < before + 40, (before, watch.peak_anon_mb())
""",
        str(store),
    )


def test_error_of_any_name_counts_where_no_memory_is_left() -> None:
    code = """
import resource
from cxr_tasks.machine.memory import anonymous_bytes, ran_out
assert not ran_out(KeyError("epoch"))
resource.setrlimit(resource.RLIMIT_DATA, (anonymous_bytes() + (32 << 20),) * 2)
assert ran_out(KeyError("epoch"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_error_of_another_kind_is_not_taken_for_memory() -> None:
    assert not ran_out(ValueError("epochs is 0"))
    assert ran_out(MemoryError())
