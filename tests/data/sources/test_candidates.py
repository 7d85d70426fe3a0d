import os
from pathlib import Path

import pytest

from cxr_tasks.data.sources.candidates import Found, list_candidates, patient_of
from cxr_tasks.data.sources.layouts import label_paths
from cxr_tasks.data.sources.left_out import HIDDEN, NO_CLASS, OTHER, TABLE
from cxr_tasks.errors import DataError, SourceError
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.presets import PRESETS, Preset, preset_of
from tests.image_files import make_files

STUDY = PRESETS["study"]


@pytest.mark.parametrize(
    ("preset", "path", "label"),
    [
        ("study", "COVID/COVID/a.png", 1),
        ("study", "covid/a.JPG", 1),
        ("study", "NORMAL/NORMAL/a.png", 0),
        ("study", "Normal/a.png", 0),
        ("study", "COVID-19/a.png", None),
        ("study", "other/COVID/a.png", None),
        ("study", "COVID", None),
        ("radiography", "COVID-19_Radiography_Dataset/COVID/images/COVID-1.png", 1),
        ("radiography", "Normal/images/Normal-1.png", 0),
        ("radiography", "COVID/masks/COVID-1.png", None),
        ("radiography", "Lung_Opacity/images/a.png", None),
        ("radiography", "COVID/images/deeper/a.png", None),
    ],
)
def test_presets_know_their_folders(preset: str, path: str, label: int | None) -> None:
    assert PRESETS[preset].label(path) == label


def test_custom_patterns_come_from_the_configuration() -> None:
    patterns = {"preset": "custom", "covid_glob": "p/**", "normal_glob": "n/**"}
    config = make_config({"source": "folder", "data": "/x-rays", **patterns})
    assert preset_of(config) == Preset("p/**", "n/**")
    assert preset_of(make_config({})) == STUDY


def test_file_of_both_classes_is_an_error() -> None:
    with pytest.raises(DataError, match="belongs to both classes"):
        label_paths(["COVID/a.png"], Preset("**/*.png", "COVID/**"))


def test_what_is_no_image_is_left_out_and_stray_images_are_counted() -> None:
    paths = [
        "COVID/a.png",
        "COVID/without_suffix",
        "NORMAL/b.png",
        "COVID/.DS_Store",
        "COVID/._a.png",
        "COVID/notes.TXT",
        "metadata.csv",
        "README",
        "__MACOSX/COVID/a.png",
        ".cache/COVID/a.png",
        "extra/c.png",
        "d.JPEG",
        "NORMAL/Thumbs.db",
        "COVID/SHA256SUMS",
        "NORMAL/scan.log",
        "COVID/@eaDir/a.png",
        "extra/a.bin",
    ]
    listing = list_candidates(Found(tuple(paths)), STUDY, root="here")
    labels = {item.path: item.label for item in listing.candidates}
    assert labels == {"COVID/a.png": 1, "COVID/without_suffix": 1, "NORMAL/b.png": 0}
    assert listing.n_left_out_by_reason == {HIDDEN: 6, OTHER: 5, TABLE: 1, NO_CLASS: 2}
    assert listing.tables == ("metadata.csv",)


def test_common_top_folder_is_looked_through_and_kept_in_the_name() -> None:
    paths = ["data/x/COVID/COVID/a.png", "data/x/NORMAL/b.png", "readme.md"]
    labelled = label_paths(paths, STUDY)
    assert labelled.paths == (("data/x/COVID/COVID/a.png", 1), ("data/x/NORMAL/b.png", 0))


def test_class_folder_on_top_is_not_looked_through() -> None:
    assert label_paths(["COVID/COVID/a.png"], STUDY).paths == (("COVID/COVID/a.png", 1),)


def test_nothing_matching_is_nothing() -> None:
    assert label_paths(["x/a.png", "x/b.png"], STUDY).paths == ()
    assert label_paths([], STUDY).paths == ()


NESTED = [
    "NORMAL/b.png",
    "COVID/x/z.png",
    "COVID/x-1/a.png",
    "COVID/x/y/q.png",
    "COVID/c.png",
    "COVID/B.png",
    "COVID/\u00e9.png",
    "COVID/x/10.png",
    "COVID/x/9.png",
    "NORMAL/A/a.png",
]


def test_order_is_that_of_keras_loader(tmp_path: Path) -> None:
    make_files(tmp_path, dict.fromkeys(NESTED, b""))
    # as keras.src.utils.dataset_utils.index_directory walks
    expected = [
        os.path.relpath(f"{folder}/{name}", tmp_path)
        for top in ("COVID", "NORMAL")
        for folder, _, names in sorted(os.walk(tmp_path / top), key=lambda entry: entry[0])
        for name in sorted(names)
    ]
    assert [path for path, _ in label_paths(NESTED, STUDY).paths] == expected


def test_order_within_a_common_top_folder_is_the_same() -> None:
    within = label_paths([f"data/{path}" for path in NESTED], STUDY).paths
    alone = label_paths(NESTED, STUDY).paths
    assert within == tuple((f"data/{path}", label) for path, label in alone)


def test_classes_are_ordered_by_their_folder_not_by_the_whole_path() -> None:
    paths = ["data/a-1/2.png", "data/a/x/1.png"]  # "-" sorts before "/"
    labelled = label_paths(paths, Preset("a/**", "a-1/**"))
    assert [path for path, _ in labelled.paths] == ["data/a/x/1.png", "data/a-1/2.png"]


def test_patterns_that_match_nothing_are_told_with_names_that_are_there() -> None:
    names = [f"images/{kind}-{n}.png" for kind in ("pos", "neg") for n in range(4)]
    with pytest.raises(SourceError, match="No image of either class") as caught:
        list_candidates(Found(tuple(names)), Preset("covid/**", "other/**"), root="/x")
    assert "such as 'images/pos-0.png', 'images/pos-1.png'" in str(caught.value)
    assert "'covid/**' as COVID-19 and 'other/**' as normal" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("NORMAL/NORMAL/00002658_000.png", "00002658"),
        ("00002658_012.jpg", "00002658"),
        ("00000001_000.png", "00000001"),
        ("images_012/images/00030805_000.png", "00030805"),
        ("COVID/COVID/phantom-0001-a.png", "phantom-0001"),
    ],
)
def test_patient_is_read_off_known_file_names(path: str, patient: str) -> None:
    assert patient_of(path) == patient


@pytest.mark.parametrize(
    "path",
    [
        "COVID/20200403_101500.jpg",  # Android's camera
        "COVID/20200403_101.jpg",
        "COVID/20200403_001.png",  # a day and a counter
        "COVID/03042020_001.png",
        "COVID/04032020_1.png",
        "COVID/19950101_000.png",
        "COVID/19000101_000.png",
        "COVID/21001231_999.png",
        "COVID/IMG_20200403_101500.jpg",
        "COVID/IMG-20200403-WA0001.jpg",
        "COVID/20200403-WA0001.jpg",
        "COVID/PXL_20200403_101500123.jpg",
        "COVID/20200403_1.2.840.113619.png",
        "COVID/20200403/00000001.png",
    ],
)
def test_date_is_no_patient(path: str) -> None:
    assert patient_of(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "COVID/COVID/COVID-00001.jpg",
        "COVID/100002658_000.png",
        "00002658_000/a.png",
        "00002658_0.png",  # NIH's suffix has three digits
        "00002658_0000.png",
        "00002658_000_crop.png",
        "00000000_000.png",  # NIH's patients are 1 to 30805
        "00030806_000.png",
        "12345678_001.png",
        "\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661_000.png",
    ],
)
def test_other_number_is_no_patient(path: str) -> None:
    assert patient_of(path) == ""
