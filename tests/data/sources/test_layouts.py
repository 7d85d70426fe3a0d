"""Data sets as people have them: taken whole, or refused with what to do."""

import re
from pathlib import Path

import pytest

from cxr_tasks.data.sources.candidates import Found, Listing, list_candidates
from cxr_tasks.data.sources.left_out import ARCHIVE, MASK, NO_CLASS, OTHER, TABLE
from cxr_tasks.errors import CxrError, DataError, SourceError
from cxr_tasks.settings.presets import PRESETS, Preset
from tests.data.sources.test_source import write_zip, zip_source
from tests.image_files import make_files

RADIOGRAPHY = [
    f"COVID-19_Radiography_Dataset/{name}/{kind}/{name}-{k}.png"
    for name in ("COVID", "Normal", "Lung_Opacity")
    for kind in ("images", "masks")
    for k in (1, 2)
] + ["COVID-19_Radiography_Dataset/COVID.metadata.xlsx"]
RADIOGRAPHY_2020 = [
    f"COVID-19 Radiography Database/{name}/{name} ({k}).png"
    for name in ("COVID-19", "NORMAL", "Viral Pneumonia")
    for k in (1, 2)
]
STUDY = [f"{name}/{name}/{k}.png" for name in ("COVID", "NORMAL") for k in (1, 2)]


def below(*folders: str) -> list[str]:
    return [f"{folder}/{k}.png" for folder in folders for k in (1, 2)]


def listing(paths: list[str], preset: str | Preset = "study") -> Listing:
    chosen = PRESETS[preset] if isinstance(preset, str) else preset
    return list_candidates(Found(tuple(paths)), chosen, root="the data")


def labels(paths: list[str], preset: str | Preset = "study") -> dict[str, int]:
    return {item.path: item.label for item in listing(paths, preset).candidates}


def refusal(paths: list[str], preset: str | Preset = "study") -> CxrError:
    with pytest.raises((DataError, SourceError)) as caught:
        listing(paths, preset)
    return caught.value


@pytest.mark.parametrize("top", ["covid", "normal", "COVID/data", "a/normal/b", "data"])
@pytest.mark.parametrize("stray", [[], ["LICENSE", "covid/README.md", "dataset-cover.png"]])
def test_top_folder_of_any_name_is_looked_through(top: str, stray: list[str]) -> None:
    taken = labels([f"{top}/{path}" for path in STUDY] + stray)
    assert taken == {f"{top}/{path}": int(path.startswith("COVID")) for path in STUDY}


def test_archive_named_covid_is_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "covid.zip", {f"covid/{name}": b"x" for name in STUDY})
    assert zip_source(path).listing().n_by_class == {"COVID-19": 2, "normal": 2}


def test_folder_of_kagglehub_is_looked_through() -> None:
    paths = [f"datasets/owner/slug/versions/3/{path}" for path in STUDY]
    found = listing([*paths, "datasets/owner/slug/3.complete"])
    assert found.n_by_class == {"COVID-19": 2, "normal": 2}
    assert found.n_left_out_by_reason == {OTHER: 1}


def test_third_class_is_left_out_and_counted() -> None:
    found = listing([*STUDY, *below("Viral Pneumonia", "Non-COVID")])
    assert found.n_by_class == {"COVID-19": 2, "normal": 2}
    assert found.n_left_out_by_reason == {NO_CLASS: 4}


@pytest.mark.parametrize(
    ("paths", "preset", "right"),
    [
        (RADIOGRAPHY, "study", "radiography"),
        ([path.split("/", 1)[1] for path in RADIOGRAPHY], "study", "radiography"),
        (STUDY, "radiography", "study"),
        ([f"covid/{path}" for path in STUDY], "radiography", "study"),
    ],
)
def test_wrong_preset_is_refused_with_the_right_one(
    paths: list[str], preset: str, right: str
) -> None:
    assert f"Use preset={right} " in refusal(paths, preset).remedy
    assert listing(paths, right).n_by_class == {"COVID-19": 2, "normal": 2}


OTHERS = {
    "radiography of 2020": (RADIOGRAPHY_2020, 2, 2),
    "train and test": (below("train/COVID", "train/NORMAL", "test/COVID", "test/NORMAL"), 4, 4),
    "below a folder": (
        below(
            "Covid19-dataset/train/Covid",
            "Covid19-dataset/train/Normal",
            "Covid19-dataset/test/Covid",
            "Covid19-dataset/test/Normal",
            "Covid19-dataset/test/Viral Pneumonia",
        ),
        4,
        4,
    ),
    "two sites": (below("a/COVID", "a/NORMAL", "b/COVID", "b/NORMAL"), 4, 4),
    "a class each": (below("a/COVID", "b/NORMAL"), 2, 2),
    "two versions": (below("v/1/COVID", "v/1/NORMAL", "v/2/COVID", "v/2/NORMAL"), 4, 4),
    "other depths": (below("COVID", "more/COVID", "NORMAL", "more/NORMAL"), 4, 4),
    "signs of patterns": (below("[x] {a,b}*/COVID19", "[x] {a,b}*/no-findings"), 2, 2),
    "covid below covid": (below("covid/positive", "covid/negative"), 2, 2),
    "other pneumonia": (
        below("Train/COVID-19", "Train/Non-COVID", "Train/Normal", "Val/Normal", "Val/COVID-19"),
        4,
        4,
    ),
    **{
        f"{covid} and {normal}": (below(covid, normal), 2, 2)
        for covid, normal in (
            ("COVID19", "NORMAL"),
            ("COVID-19", "Normal"),
            ("covid_19", "normal"),
            ("Covid-19 Positive", "Covid-19 Negative"),
            ("positive", "negative"),
            ("COVID", "No_findings"),
            ("COVID", "non-COVID"),
            ("1_covid", "0_normal"),
            ("SARS-CoV-2", "healthy"),
            ("Coronavirus", "Controls"),
        )
    },
}


@pytest.mark.parametrize("preset", ["study", "radiography"])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_layout_is_refused_with_patterns_that_take_all_of_it(kind: str, preset: str) -> None:
    paths, n_covid, n_normal = OTHERS[kind]
    remedy = refusal(paths, preset).remedy
    patterns = re.search("covid_glob='(.*)' and normal_glob='(.*?)'", remedy)
    assert patterns, remedy
    assert not set("[]{}!") & set("".join(patterns.groups()))  # signs to other readers of globs
    taken = listing(paths, Preset(*patterns.groups()))
    assert taken.n_by_class == {"COVID-19": n_covid, "normal": n_normal}


@pytest.mark.parametrize("preset", ["study", "radiography"])
@pytest.mark.parametrize(
    "inside",
    [
        "non-covid",
        "Neg",
        "negatives",
        "other",
        "Pneumonia",
        "Viral Pneumonia",
        "bacterial",
        "more/Covid-negative/deeper",
    ],
)
@pytest.mark.parametrize("top", ["", "ds/", "train/"])
def test_no_pattern_is_suggested_that_takes_another_class(
    inside: str, top: str, preset: str
) -> None:
    paths = below(*(f"{top}{name}" for name in ("COVID19", f"COVID19/{inside}", "NORMAL")))
    remedy = refusal(paths, preset).remedy
    assert "covid_glob" not in remedy
    folder = f"{top}COVID19/{inside.removesuffix('/deeper')}"
    assert f"lie inside those of a class: {folder!r} (2). Move them out" in remedy


def test_no_pattern_is_suggested_for_parts_with_negatives_inside() -> None:
    parts = [
        f"{part}/{name}"
        for part in ("train", "test")
        for name in ("COVID/pos", "COVID/neg", "NORMAL")
    ]
    assert "'test/COVID/neg' (2), 'train/COVID/neg' (2). Move" in refusal(below(*parts)).remedy


def test_parts_may_be_taken_apart() -> None:
    remedy = refusal(OTHERS["train and test"][0]).remedy
    assert "covid_glob='*/COVID/**'" in remedy
    assert "for one part, put its folder for the star" in remedy


@pytest.mark.parametrize(
    "paths",
    [
        [*STUDY, *below("COVID-19")],
        [*STUDY, *below("test/COVID", "test/NORMAL")],
        below("COVID", "COVID/normal", "NORMAL"),
        below("COVID", "NORMAL", "NORMAL/Covid-19 positive"),
    ],
)
def test_layout_is_never_taken_in_part_nor_a_class_for_the_other(paths: list[str]) -> None:
    error = refusal(paths)
    assert "2 images are in folders" in error.problem or "4 images" in error.problem
    assert "whole or not at all" in error.rule


@pytest.mark.parametrize("top", ["covid", "normal", "x/COVID"])
def test_one_class_is_never_both(top: str) -> None:
    error = refusal(below(top))
    assert isinstance(error, DataError)
    assert "No image of the class" in error.problem
    assert "2 of the other" in error.problem


@pytest.mark.parametrize(
    "folder", ["masks", "Mask", "Lung_Masks", "infection masks", "lung-mask", "segmentation"]
)
@pytest.mark.parametrize("patterns", [("COVID/**", "NORMAL/**"), ("**/*OVID/**", "**/N*/**")])
def test_masks_are_candidates_in_no_preset(folder: str, patterns: tuple[str, str]) -> None:
    paths = [*below("COVID/x", "NORMAL/x"), *below(f"COVID/{folder}", f"{folder}/NORMAL/deeper")]
    found = listing(paths, Preset(*patterns))
    assert len(found.candidates) == 4
    assert found.n_left_out_by_reason == {MASK: 4}
    assert not any(folder in item.path for item in found.candidates)


def test_masks_of_the_radiography_database_are_counted() -> None:
    found = listing(RADIOGRAPHY, "radiography")
    assert found.n_left_out_by_reason == {MASK: 6, NO_CLASS: 2, TABLE: 1}


@pytest.mark.parametrize("folder", ["unmasked", "Lung Segmentation Data", "masking"])
def test_what_only_sounds_like_masks_is_taken(folder: str) -> None:
    assert len(labels(below(f"{folder}/COVID", f"{folder}/NORMAL"))) == 4


def test_masks_alone_are_nothing_to_train_on() -> None:
    error = refusal(below("masks/COVID", "masks/NORMAL"))
    assert "4 files in a mask folder" in error.problem
    assert "rename the folder" in error.remedy


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("metadata.csv", "row['finding']"),
        ("Data_Entry_2017.csv", "row['Image Index']"),
        ("labels.xlsx", "exported as CSV"),
    ],
)
def test_table_beside_images_is_said_to_be_unread(table: str, told: str) -> None:
    remedy = refusal([*below("images"), table]).remedy
    assert f"'{table}' is not read" in remedy
    assert told in remedy
    assert listing([*STUDY, table]).tables == (table,)


@pytest.mark.parametrize("table", ["metadata.csv", "Data_Entry_2017.csv"])
def test_the_shown_lines_sort_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    remedy = refusal([*below("images"), table]).remedy
    file, label, covid = (
        ("filename", "finding", "Pneumonia/Viral/COVID-19")
        if table == "metadata.csv"
        else ("Image Index", "Finding Labels", "COVID-19")
    )
    rows = f"{file},{label}\na.png,{covid}\nb.png,No Finding\nc.png,Effusion\ngone.png,{covid}\n"
    make_files(tmp_path, {table: rows.encode(), **{f"images/{k}.png": b"x" for k in "abc"}})
    monkeypatch.chdir(tmp_path)
    code = "\n".join(line[4:] for line in remedy.splitlines() if line.startswith("    "))
    exec(code, {})  # noqa: S102 - what a person would do with it
    place = tmp_path / "sorted"
    made = {path.relative_to(place).as_posix() for path in place.rglob("*.png")}
    assert made == {"COVID/a.png", "NORMAL/b.png"}


def test_archives_inside_are_named() -> None:
    error = refusal(["data.zip", "images_001.tar.gz", "sample_submission.csv"])
    assert "Unpack 'data.zip', 'images_001.tar.gz'" in error.remedy
    assert listing([*STUDY, "data.zip"]).n_left_out_by_reason == {ARCHIVE: 1}


def test_what_nothing_is_known_of_is_shown_with_its_folders() -> None:
    error = refusal([*below("x/one", "x/two"), "x/three.png", "y.png"])
    assert "'x/one' (2), 'x/two' (2), no folder (2)" in error.problem
    assert "sort the images into COVID/ and NORMAL/" in error.remedy
