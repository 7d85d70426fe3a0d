"""An environment in which the training of one variant fails, whatever process trains it."""

import os
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parent.parent

# Python imports a module of this name as it starts.
_SITECUSTOMIZE = """
import sys
if "train" in sys.argv and {variant!r} in sys.argv:
    from cxr_tasks.errors import TrainingError
    from cxr_tasks.training import train
    def fail(*_, **__):
        raise TrainingError("The training was made to fail.", "A test wants it.", "Nothing.")
    train.train_variant = fail
"""


def failing_environ(environ: Mapping[str, str], variant: str, folder: Path) -> dict[str, str]:
    """Return an environment like this one, but for a variant; `folder` keeps what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE.format(variant=variant))
    return {**environ, "PYTHONPATH": f"{folder}{os.pathsep}{_ROOT}"}
