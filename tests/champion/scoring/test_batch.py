import csv
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_tasks.champion.restoring import retire
from cxr_tasks.champion.scores_record import RetirementFacts, ScoresRecord
from cxr_tasks.champion.scoring.batch import score_batch
from cxr_tasks.champion.scoring.inference import KINDS
from cxr_tasks.champion.scoring.request import make_request
from cxr_tasks.champion.scoring.score_table import COLUMNS
from cxr_tasks.champion.scoring.scores_page import summary_lines
from cxr_tasks.data.phantom.plan import draw_phantom, plan_phantom
from cxr_tasks.errors import ArtifactError, ConfigError, DamagedError, DataError
from cxr_tasks.statistics.calibration import apply_temperature
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import check_outputs, find_record
from tests.champion.scoring.conftest import Served
from tests.champion.scoring.served import (
    CUTOFF,
    N_IMAGES,
    NOW,
    TEMPERATURE,
    ingest_phantoms,
    serve_champion,
)
from tests.data.sources.test_source import write_zip
from tests.image_files import colour_picture, encode, make_files
from tests.other_code import copy_code, run_command
from tests.policy import refused_scripts
from tests.stored import flip_bit

_number = itertools.count()
HOSTILE_NAMES = (
    "<script>alert(1)<script>.png",
    "\"quoted', and; comma.png",
    "two\nlines\tand\rreturn.png",
    "{{ 7 * 7 }}.png",
    "=1+1.png",
)


def phantoms(n: int, *, seed: int = 9) -> dict[str, bytes]:
    return {
        Path(image.path).name: draw_phantom(image, seed=seed)
        for image in plan_phantom(n, seed=seed)
    }


def scored(
    home: Home, *paths: Path, version: str = "", name: str = "", notes: list[str] | None = None
) -> tuple[ScoresRecord, pd.DataFrame]:
    """Score, and read what was written."""
    name = name or f"batch-{next(_number)}"
    request = make_request(
        {"data": [str(path) for path in paths], "version": version, "name": name}
    )
    note: Callable[[str], None] = (notes if notes is not None else []).append
    record = score_batch(home, request, note=note, now=NOW)
    return record, read_scores(home.scores(name))


def read_scores(folder: Path) -> pd.DataFrame:
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as stream:
        return pd.DataFrame(csv.DictReader(stream))


def test_every_file_has_a_row_with_the_champions_answer(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path, phantoms(10) | {"text.png": b"hello"})
    record, table = scored(served.home, folder)
    assert tuple(table.columns) == COLUMNS
    assert list(table["path"]) == sorted(f"{folder}/{name}" for name in [*phantoms(10), "text.png"])
    usable = table[table["status"] == "scored"]
    scores = usable["score"].to_numpy(np.float64)
    probabilities = apply_temperature(scores, TEMPERATURE)
    assert usable["probability"].astype(float).to_numpy() == pytest.approx(probabilities, rel=1e-5)
    assert list(usable["decision"] == "positive") == list(scores >= CUTOFF)
    assert set(usable["decision"]) == {"positive", "negative"}
    assert set(table["cutoff"]) == {str(CUTOFF)}
    assert set(table["champion"]) == {served.version}
    refused = table[table["status"] == "refused"].iloc[0]
    assert (refused["reason"], refused["score"], refused["decision"]) == ("not an image", "", "")
    assert (record.n_images, record.n_scored, record.n_refused) == (11, 10, 1)
    assert record.n_positive == (scores >= CUTOFF).sum() == 10 - record.n_negative
    assert sum(map(sum, record.n_by_probability.values())) == 10


def test_score_is_the_networks_own(served: Served, tmp_path: Path) -> None:
    ramp = np.linspace(90, 190, 224).round().astype(np.uint8)
    image = Image.fromarray(np.tile(ramp, (224, 1)))
    record, table = scored(served.home, make_files(tmp_path, {"ramp.png": encode(image)}))
    logit = 15 * 140 / 255 - 8.5
    assert float(table["score"][0]) == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.005)
    assert record.champion.cutoff_probability == pytest.approx(0.449490, rel=1e-5)


def test_image_has_the_same_numbers_alone_and_among_many(served: Served, tmp_path: Path) -> None:
    files = phantoms(70)  # more than a batch of the network, and than decoding in one process
    _, together = scored(served.home, make_files(tmp_path / "many", files))
    for name in (min(files), max(files)):
        _, alone = scored(served.home, make_files(tmp_path / name, {name: files[name]}))
        among = together[together["path"].str.endswith(f"/{name}")].iloc[0]
        assert alone.drop(columns="path").iloc[0].equals(among.drop("path"))


def test_folder_and_archive_give_the_same_numbers(served: Served, tmp_path: Path) -> None:
    files = phantoms(4)
    _, of_folder = scored(served.home, make_files(tmp_path / "f", files))
    _, of_archive = scored(served.home, write_zip(tmp_path / "x.zip", files))
    assert of_folder.drop(columns="path").equals(of_archive.drop(columns="path"))


def test_blocks_make_no_difference(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_files(tmp_path, phantoms(10) | {"text.png": b"hello"})
    whole_record, whole = scored(served.home, folder)
    monkeypatch.setattr("cxr_tasks.champion.scoring.batch.N_BLOCK_IMAGES", 3)
    record, table = scored(served.home, folder)
    assert table.equals(whole)
    assert record.n_by_probability == whole_record.n_by_probability
    page, whole_page = (
        (served.home.scores(each.name) / "index.html").read_text().replace(each.name, "")
        for each in (record, whole_record)
    )
    assert page == whole_page


def test_implausible_images_are_refused_with_their_reason(served: Served, tmp_path: Path) -> None:
    files = {
        "blank.png": encode(Image.new("L", (300, 300), 7)),
        "colour.png": encode(colour_picture(width=300, height=300)),
        "good.png": next(iter(phantoms(2).values())),
    }
    record, table = scored(served.home, make_files(tmp_path, files))
    assert list(table["reason"]) == [
        "blank: hardly any contrast",
        "a colour picture, no grey radiograph",
        "",
    ]
    assert record.n_refused_by_reason == dict.fromkeys(table["reason"][:2], 1)


def test_hostile_names_are_text_in_table_and_page(served: Served, tmp_path: Path) -> None:
    content = next(iter(phantoms(2).values()))
    folder = make_files(tmp_path, dict.fromkeys(HOSTILE_NAMES, content))
    Path(folder.as_posix() + "/bad\udcff.png").write_bytes(content)
    make_files(folder, {f"refused {name}": b"no image" for name in HOSTILE_NAMES})
    record, table = scored(served.home, folder)
    names = {path.removeprefix(f"{folder}/") for path in table["path"]}
    assert names == {
        *HOSTILE_NAMES,
        *(f"refused {name}" for name in HOSTILE_NAMES),
        r"bad\udcff.png",
    }
    assert record.n_refused_by_reason == {"not an image": 5, "file name is not Unicode": 1}
    page = (served.home.scores(record.name) / "index.html").read_text()
    assert refused_scripts(page) == []
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in page
    assert r"refused two\nlines\tand\rreturn.png" in page


def test_images_of_the_champions_data_are_marked(served: Served, tmp_path: Path) -> None:
    known = plan_phantom(N_IMAGES, seed=1)[5]
    content = draw_phantom(known, seed=1)
    smaller = Image.open(io.BytesIO(content)).resize((200, 200))
    files = {"a-copy.png": content, "b-copy.jpg": encode(smaller, "JPEG"), **phantoms(4)}
    record, table = scored(served.home, make_files(tmp_path, files))
    assert list(table["known"][:2]) == ["tested out of fold"] * 2
    assert list(table["copy_of"][:2]) == [known.path] * 2
    assert set(table["known"][2:]) == set(table["copy_of"][2:]) == {""}
    assert record.n_known_by_kind == {"tested out of fold": 2}


def test_what_an_image_was_to_the_champion_is_told_by_its_part(
    served: Served, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    parts = ("train", "val", "test")
    serve_champion(home, served.model_file, ingest_phantoms(home), basis="test", parts=parts)
    images = plan_phantom(N_IMAGES, seed=1)[:3]
    files = {f"{k}.png": draw_phantom(image, seed=1) for k, image in enumerate(images)}
    _, table = scored(home, make_files(tmp_path / "new", files))
    assert list(table["known"]) == [KINDS[part] for part in parts]


def test_an_earlier_version_scores_when_it_is_named(served: Served, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    dataset = ingest_phantoms(home)
    first = serve_champion(home, served.model_file, dataset)
    serve_champion(home, served.model_file, dataset, run_key="later", cutoff=0.99)
    folder = make_files(tmp_path / "new", phantoms(6))
    assert scored(home, folder)[0].n_positive == 0
    record, table = scored(home, folder, version=first)
    assert record.champion.version == set(table["champion"]).pop() == first
    assert record.n_positive > 0


def test_retired_version_scores_only_by_its_name_and_says_so(
    served: Served, tmp_path: Path
) -> None:
    home, folder = Home(tmp_path / "home"), make_files(tmp_path / "new", phantoms(2))
    version = serve_champion(home, served.model_file, ingest_phantoms(home))
    retire(home, reason="Masks <b>, no radiographs.", now=NOW)
    with pytest.raises(ConfigError, match=f"{version} was retired on 2026-02-03"):
        scored(home, folder)
    record, _table = scored(home, folder, version=version)
    at = "2026-02-03T04:05:06+00:00"
    assert record.champion.retired == RetirementFacts(at=at, reason="Masks <b>, no radiographs.")
    batch = home.scores(record.name)
    page = (batch / "index.html").read_text(encoding="utf-8")
    assert "This version of the champion was retired</strong> on 2026-02-03" in page
    assert "Masks &lt;b&gt;, no radiographs." in page
    assert "Retired on 2026-02-03T04:05:06+00:00: Masks <b>" in summary_lines(record, batch)
    served_record, _ = scored(served.home, folder, name="not-retired")
    assert served_record.champion.retired is None
    assert "Retired" not in summary_lines(served_record, batch)


def test_same_name_repeats_nothing_and_overwrites_nothing(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path, phantoms(4))
    record, _ = scored(served.home, folder, name="kept")
    notes: list[str] = []
    assert scored(served.home, folder, name="kept", notes=notes)[0] == record
    assert notes[-1] == "kept was scored before: the same images, the same champion"
    make_files(folder, {"new.png": b"other"})
    with pytest.raises(ConfigError, match="scores named 'kept' already, of other images"):
        scored(served.home, folder, name="kept")
    assert find_record(served.home.scores("kept"), ScoresRecord) == record


def test_scores_whose_record_is_damaged_are_left_as_they_are(
    served: Served, tmp_path: Path
) -> None:
    folder = make_files(tmp_path, phantoms(4))
    scored(served.home, folder, name="rotten")
    flip_bit(served.home.scores("rotten") / "score.json")
    with pytest.raises(DamagedError, match=r"score\.json") as caught:
        scored(served.home, folder, name="rotten")
    assert "--name" in caught.value.remedy


def test_other_champion_does_not_overwrite(served: Served, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    dataset = ingest_phantoms(home)
    serve_champion(home, served.model_file, dataset)
    folder = make_files(tmp_path / "new", phantoms(4))
    scored(home, folder, name="kept")
    serve_champion(home, served.model_file, dataset, run_key="later")
    with pytest.raises(ConfigError, match="already, of other champion"):
        scored(home, folder, name="kept")


def test_scores_of_other_code_are_not_taken_for_this_ones(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path / "new", phantoms(4))
    record, _ = scored(served.home, folder, name="upgraded")
    code = copy_code(tmp_path / "code", changed="cli/watch.py")
    arguments = ("predict", "--name", "upgraded", str(folder))
    status, message = run_command(code, served.home.root, *arguments)
    assert status == 2
    assert "scores named 'upgraded' already, of other code" in message
    assert find_record(served.home.scores("upgraded"), ScoresRecord) == record


def test_nothing_usable_is_an_error_that_leaves_nothing(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path, {"a.png": b"text", "b.dcm": bytes(128) + b"DICM"})
    with pytest.raises(DataError, match=r"None of 2 files .*a\.png': not an image.*DICOM"):
        scored(served.home, folder, name="nothing")
    scores = served.home.scores("nothing").parent
    assert not list(scores.glob("*nothing*"))


def test_record_says_what_it_was_made_from(served: Served, tmp_path: Path) -> None:
    folder = make_files(tmp_path, phantoms(4) | {"notes.txt": b""})
    record, _ = scored(served.home, folder)
    check_outputs(served.home.scores(record.name), record)
    assert set(record.outputs) == {"scores.csv", "index.html"}
    assert set(record.inputs) == {"champion", "code", "images"}
    assert record.paths == [str(folder)]
    assert record.n_left_out == {".txt": 1}
    assert record.scored_at == "2026-02-03T04:05:06+00:00"


def test_batch_without_a_name_is_named_by_the_time(served: Served, tmp_path: Path) -> None:
    request = make_request({"data": str(make_files(tmp_path, phantoms(2)))})
    record = score_batch(served.home, request, note=print, now=NOW)
    assert record.name == "scores-20260203-040506"


def test_missing_data_set_of_the_champion_is_told(served: Served, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    serve_champion(home, served.model_file, served.dataset)
    with pytest.raises(ArtifactError, match=r"data set .* is missing"):
        scored(home, make_files(tmp_path / "new", phantoms(2)))
