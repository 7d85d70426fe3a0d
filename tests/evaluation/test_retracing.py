"""Scoring and explaining several models, in a process of its own: TensorFlow counts traces."""

import subprocess
import sys
from pathlib import Path

import pytest

SCORE = """
import sys
from functools import cache
from pathlib import Path
import numpy as np
from cxr_tasks.settings.config import make_config
from cxr_tasks.training.model_file import load_model, save_model
from cxr_tasks.evaluation.predictions import score_images
from cxr_tasks.evaluation.grad_cam import GradCam
from cxr_tasks.training.model_file import load_model, save_model
from tests.evaluation.networks import bright, spot_detector

config, load = make_config({"threads": 2}), cache(load_model)
files = [Path(sys.argv[1]) / f"{number}.keras" for number in range(4)]
for number, file in enumerate(files):
    save_model(spot_detector(number), file)
for n_images in (5, 3):
    images = bright(0, n=n_images)
    for file in files:
        score_images(file, images, np.arange(n_images), config=config, note=print, load=load)
        GradCam.of(load_model(file)).maps(images, np.ones(n_images))
"""


@pytest.mark.slow
def test_no_graph_is_traced_for_few_images(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCORE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("scored") == 8
    assert "retracing" not in done.stderr, done.stderr[-2000:]
