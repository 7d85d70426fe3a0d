import pytest

from cxr_tasks.data.sources.candidates import patient_of


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
