"""A lock of what an extra adds: `python -m supply.lock_beside requirements.lock WHOLE > ADDED`.

`WHOLE` is the extra's whole lock, resolved with the first as constraints; what the first has too
is left out, so that a reader sees what is added, and both are installed together.
"""

import re
import sys
from pathlib import Path

from supply.licences import locked_packages


def added(base: str, whole: str) -> str:
    """Return the entries of a lock whose packages another has not.

    Raises:
        ValueError: A package has another version in each: together they could not be installed.
    """
    known, found = locked_packages([base]), locked_packages([whole])
    other = {
        name: found[name] for name in found if name in known and not found[name] <= known[name]
    }
    if other:
        raise ValueError(f"Not of the versions in the first lock: {sorted(other)}")
    entries = re.split(r"^(?=[A-Za-z0-9])", whole, flags=re.MULTILINE)[1:]
    return "".join(entry for entry in entries if not set(locked_packages([entry])) & set(known))


if __name__ == "__main__":
    base_file, whole_file = map(Path, sys.argv[1:])
    print(added(base_file.read_text(), whole_file.read_text()), end="")
