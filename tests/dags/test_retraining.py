"""A retraining's nights, through Airflow: watched, trained, promoted, scored, and nothing twice."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.dags.airflow_cli import dags_test, make_airflow_home
from tests.image_files import encode, make_files, picture

N_IMAGES = 140


def bright_and_dark() -> dict[str, bytes]:
    """Real files of two classes that anything can tell apart, and the audit condemns."""
    files = {}
    for number in range(N_IMAGES):
        grey = np.asarray(picture(width=64, height=64, seed=number).convert("L"), np.float32)
        is_covid = number % 2
        shown = Image.fromarray((grey * 0.4 + (140 if is_covid else 10)).astype(np.uint8))
        name = "COVID" if is_covid else "NORMAL"
        files[f"{name}/{number:03d}.png"] = encode(shown)
    return files


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("nights")
    data = make_files(folder / "data", bright_and_dark())
    (folder / "cxr-home").mkdir()
    (folder / "cxr-home" / "defaults.toml").write_text(
        f'source = "folder"\ndata = "{data}"\nvariants = ["mobilenetv2_frozen"]\n'
        'epochs = 12\nweights = "random"\nallow_shortcut = true\n'
        f'[score]\ndata = "{data / "COVID"}"\n'
    )
    return make_airflow_home(folder)


def emitted(environ: dict[str, str]) -> Counter[str]:
    """Count the asset events that Airflow has recorded."""
    query = "select a.name from asset_event e join asset a on a.id = e.asset_id"
    with sqlite3.connect(Path(environ["AIRFLOW_HOME"]) / "airflow.db") as database:
        return Counter(name for (name,) in database.execute(query))


def told(environ: dict[str, str], *parts: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(environ["CXR_HOME"], *parts).read_text())
    return content


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_only_what_is_new_is_trained_and_only_what_is_better_serves(
    environ: dict[str, str],
) -> None:
    """One long story: what is slow in it is needed by what follows."""
    dags_test("cxr_watch", {}, environ, expected=0)
    assert emitted(environ) == {"cxr_images": 1}
    dags_test("cxr_watch", {}, environ, expected=0)
    assert emitted(environ) == {"cxr_images": 1}

    dags_test("cxr_pipeline", {"run": "first"}, environ, expected=0)
    first = told(environ, "runs", "first", "promote", "promote.json")
    assert first["decision"] == "promoted", first["reason"]
    assert "shortcut" in first["reason"]
    assert emitted(environ)["cxr_champion"] == 1
    assert told(environ, "champion", "champion.json")["version"] == "0001-first"

    done = dags_test("cxr_pipeline", {"run": "same"}, environ, expected=0)
    assert "Nothing has changed since 'first': the same images" in done.stdout + done.stderr
    assert not Path(environ["CXR_HOME"], "runs", "same", "split").exists()

    dags_test("cxr_pipeline", {"run": "second", "seed": 1}, environ, expected=0)
    second = told(environ, "runs", "second", "promote", "promote.json")
    assert second["decision"] in ("kept", "refused"), second["reason"]
    assert emitted(environ)["cxr_champion"] == 1
    assert told(environ, "champion", "champion.json")["version"] == "0001-first"

    dags_test("cxr_score", {"name": "batch"}, environ, expected=0)
    assert told(environ, "scores", "batch", "score.json")["n_scored"] == N_IMAGES // 2
