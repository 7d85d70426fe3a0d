"""Patients files as spreadsheets, pandas and public data sets write them."""

import unicodedata
from pathlib import Path

import pytest

from cxr_tasks.data.sources.candidates import Candidate
from cxr_tasks.data.sources.patients import with_patients
from cxr_tasks.errors import CxrError, DataError, SourceError

PATHS = ("COVID/COVID/a.png", "COVID/COVID/b.png", "NORMAL/NORMAL/c.png", "NORMAL/NORMAL/d.png")
CANDIDATES = tuple(Candidate(path, int(path[0] == "C"), "") for path in PATHS)
ROOT = "/data/set"


class Told(list[str]):
    """What was said while a file was read, and the patients that came of it."""

    def __init__(self, content: bytes, tmp_path: Path, candidates: tuple[Candidate, ...]) -> None:
        path = tmp_path / "patients.csv"
        path.write_bytes(content)
        known = with_patients(candidates, path, report=self.append, root=ROOT)
        self.patients = [item.patient for item in known]
        self.sources = [item.source for item in known]


def read(tmp_path: Path, text: str | bytes, candidates: tuple[Candidate, ...] = CANDIDATES) -> Told:
    return Told(text if isinstance(text, bytes) else text.encode(), tmp_path, candidates)


def table(names: list[str] | tuple[str, ...] = PATHS, *, head: str = "path,patient") -> str:
    rows = [f"{name},{patient}" for name, patient in zip(names, "1122", strict=True)]
    return "\n".join([head, *rows, ""])


@pytest.mark.parametrize(
    "word",
    [
        "",
        "nan",
        "NaN",
        "NAN",
        "None",
        "none",
        "null",
        "NULL",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "<NA>",
        "NaT",
        "unknown",
        "Unknown",
        " unknown ",
        "-",
        "--",
        "?",
        "missing",
        "anonymous",
        "not known",
        "Not_Known",
        "not-applicable",
        "N.A",
        "n.d.",
        "n/k",
        "(unknown)",
        "[redacted]",
        "<unknown>",
        "#REF!",
        "#N/A N/A",
        "#DIV/0!",
        "1.#IND",
        "\u2013",
        "\u2014",
        ".",
        "unspecified",
        "-1",
        "-1.0",
        "-999",
        "Anonymized",
        "unknown  patient",
        "\uff1f",
        "unbekannt",
    ],
)
def test_word_for_unknown_is_no_patient(tmp_path: Path, word: str) -> None:
    rows = [
        f"{path},{patient}" for path, patient in zip(PATHS, ["p", word, word, "q"], strict=True)
    ]
    told = read(tmp_path, "\n".join(["path,patient", *rows]))
    assert told.patients == ["p", "", "", "q"]
    assert f"2 of 4 rows name no patient ({word.strip()!r} 2 times)" in told[0]
    assert told[0].startswith("Warning: ")


@pytest.mark.parametrize(
    "name", ["0", "1", "-2", "N", "X1", "nd", "KA", "ref", "unknown-17", "Anna", "(1)", "P.1"]
)
def test_short_or_odd_name_is_a_patient(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"path,patient\n{PATHS[0]},{name}\n").patients[0] == name


def images(n_covid: int, n_normal: int) -> tuple[Candidate, ...]:
    covid = (Candidate(f"COVID/a{n}.png", 1, "") for n in range(n_covid))
    return (*covid, *(Candidate(f"NORMAL/b{n}.png", 0, "") for n in range(n_normal)))


def listed(candidates: tuple[Candidate, ...], *, n_alike: int) -> str:
    patients = ["yes"] * n_alike + [f"p{n}" for n in range(len(candidates) - n_alike)]
    rows = (f"{item.path},{who}" for item, who in zip(candidates, patients, strict=True))
    return "\n".join(["path,patient", *rows])


def test_patient_with_most_images_of_both_classes_is_none(tmp_path: Path) -> None:
    both = images(4, 6)
    message = "6 of the 10 images whose patient it knows to 'yes': 4 COVID-19 and 2 normal ones"
    with pytest.raises(DataError, match=message):
        read(tmp_path, listed(both, n_alike=6), both)
    for candidates, n_alike in ((both, 5), (images(6, 4), 6), (images(3, 2), 5), (images(4, 8), 6)):
        told = read(tmp_path, listed(candidates, n_alike=n_alike), candidates)
        assert told.patients.count("yes") == n_alike


@pytest.mark.parametrize("date", ["2020-04-03", "3.4.2020", "04/03/20", "2020-04-03 10:15:00"])
def test_date_as_patient_is_a_warning(tmp_path: Path, date: str) -> None:
    told = read(tmp_path, f"path,patient\n{PATHS[0]},{date}\n{PATHS[1]},{date}\n{PATHS[2]},p\n")
    assert told.patients == [date, date, "p", ""]
    assert told[0].startswith(
        f"Warning: patients file: the patient of 2 of 3 rows is a date ({date!r});"
    )


@pytest.mark.parametrize(
    "head", ["path,patient,patient_id", "path,PID,Patient", "path,subject,subject id"]
)
def test_two_columns_of_patients_are_refused(tmp_path: Path, head: str) -> None:
    with pytest.raises(SourceError, match=r"either of its columns .* may say who is on an image"):
        read(tmp_path, f"{head}\n{PATHS[0]},1,2\n")


def test_number_counts_before_the_name_of_a_patient(tmp_path: Path) -> None:
    text = f"path,patient_name,patient_id\n{PATHS[0]},Unknown,7\n"
    assert read(tmp_path, text).patients[0] == "7"


def test_unknown_source_is_none(tmp_path: Path) -> None:
    text = f"path,patient,source\n{PATHS[0]},p,unknown\n{PATHS[2]},q,Hospital A\n"
    assert read(tmp_path, text).sources == ["", "", "Hospital A", ""]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_text_is_read_as_spreadsheets_write_it(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    text = table().replace(",", separator).replace("\n", "\r\n")
    assert read(tmp_path, text.encode(encoding)).patients == ["1", "1", "2", "2"]


def test_utf_16_with_a_mark_of_the_other_byte_order(tmp_path: Path) -> None:
    content = b"\xfe\xff" + table().encode("utf-16-be")
    assert read(tmp_path, content).patients == ["1", "1", "2", "2"]


def test_separator_line_of_excel(tmp_path: Path) -> None:
    told = read(tmp_path, "sep=;\n" + table().replace(",", ";"))
    assert told.patients == ["1", "1", "2", "2"]


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    candidates = (Candidate("COVID/Müller.png", 1, ""), *CANDIDATES[2:])
    told = read(tmp_path, "path,patient\nCOVID/Müller.png,p\n".encode("cp1252"), candidates)
    assert told.patients[0] == "p"
    assert told[0] == "patients file: it is no UTF-8 and was read as Windows-1252"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("Path, Patient", "path from 'Path', patient from ' Patient'"),
        ("filename,patientid", "path from 'filename', patient from 'patientid'"),
        ("image,patient_id", "path from 'image', patient from 'patient_id'"),
        ("FILE,Patient-ID", "path from 'FILE', patient from 'Patient-ID'"),
        ("Image Index,Patient ID", "path from 'Image Index', patient from 'Patient ID'"),
        ("file_path,subject_id", "path from 'file_path', patient from 'subject_id'"),
    ],
)
def test_columns_of_other_names_are_read_and_said(tmp_path: Path, head: str, said: str) -> None:
    told = read(tmp_path, table(head=head))
    assert told.patients == ["1", "1", "2", "2"]
    assert told[0] == f"patients file: its columns were read so: {said}"


def test_own_names_count_before_others(tmp_path: Path) -> None:
    text = f"image,path,subject,patient\nx,{PATHS[0]},s,p\n"
    assert read(tmp_path, text).patients == ["p", "", "", ""]


def test_unnamed_index_of_pandas_is_passed_over(tmp_path: Path) -> None:
    text = f",path,patient\n0,{PATHS[0]},p\n1,{PATHS[1]},q\n"
    assert read(tmp_path, text).patients == ["p", "q", "", ""]


@pytest.mark.parametrize(
    "spelled",
    [
        "./{}",
        "/data/set/{}",
        "C:\\Users\\Anna\\set\\{}",
        "/home/anna/set/{}",
        "~/set/{}",
        "set/{}",
        "..\\set\\{}",
        "{} ",
        "//{}",
    ],
)
def test_path_is_found_however_it_begins(tmp_path: Path, spelled: str) -> None:
    names = [spelled.format(path) for path in PATHS]
    assert read(tmp_path, table(names)).patients == ["1", "1", "2", "2"]


@pytest.mark.parametrize(
    "names",
    [
        [path.replace("/", "\\") for path in PATHS],
        [path.rpartition("/")[2] for path in PATHS],
        [path.lower() for path in PATHS],
        [path.replace(".png", ".PNG") for path in PATHS],
        [path.partition("/")[2] for path in PATHS],
        [path.removesuffix(".png") for path in PATHS],
        ["a", "b", "c", "d"],
    ],
    ids=["backslashes", "names", "lower", "suffix", "without top", "without suffix", "stems"],
)
def test_path_is_found_however_it_is_spelled(tmp_path: Path, names: list[str]) -> None:
    told = read(tmp_path, table(names))
    assert told.patients == ["1", "1", "2", "2"]
    expected = (
        f"patients file: 4 of 4 names are spelled otherwise, such as {names[0]!r} is {PATHS[0]!r}"
    )
    assert expected in told


def test_accents_match_in_one_character_or_two(tmp_path: Path) -> None:
    for disk, listed in (("NFD", "NFC"), ("NFC", "NFD")):
        name = "COVID/é 1.png"
        candidates = (Candidate(unicodedata.normalize(disk, name), 1, ""), *CANDIDATES[2:])  # type: ignore[arg-type]
        row = unicodedata.normalize(listed, name)  # type: ignore[arg-type]
        assert read(tmp_path, f"path,patient\n{row},p\n", candidates).patients[0] == "p"


def test_patients_are_equal_in_one_character_or_two(tmp_path: Path) -> None:
    text = f"path,patient\n{PATHS[0]},Andr\u00e9\n{PATHS[1]},Andre\u0301\n"
    assert read(tmp_path, text).patients[0] == read(tmp_path, text).patients[1] != ""


def test_number_that_became_a_fraction_is_the_same_patient(tmp_path: Path) -> None:
    told = read(tmp_path, table(PATHS).replace(",1", ",0123.0").replace(",2", ",0123"))
    assert told.patients == ["0123"] * 4
    told = read(tmp_path, f"path;patient\n{PATHS[0]};7,0\n{PATHS[1]};1.5\n")
    assert told.patients[:2] == ["7", "1.5"]


@pytest.mark.parametrize("number", ["1.23457E+08", "1.23457E08", "1,2e15", "1E+15"])
def test_rounded_number_is_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(DataError, match=r"2 patients of .* are rounded numbers: ") as caught:
        read(tmp_path, table().replace(",", ";").replace(";1", f";{number}"))
    assert repr(number) in caught.value.problem


def test_code_with_an_e_is_a_patient(tmp_path: Path) -> None:
    assert read(tmp_path, f"path,patient\n{PATHS[0]},5E12\n").patients[0] == "5E12"


TWINS = (Candidate("COVID/a.png", 1, ""), Candidate("NORMAL/a.png", 0, ""))


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a"])
def test_name_of_two_images_is_refused(tmp_path: Path, name: str) -> None:
    message = f"1 names in .* fit several images: '{name}' fits 'COVID/a.png' and 'NORMAL/a.png'"
    with pytest.raises(DataError, match=message):
        read(tmp_path, f"path,patient\n{name},p\n", TWINS)


def test_letter_case_counts_where_only_it_tells_files_apart(tmp_path: Path) -> None:
    twins = (Candidate("COVID/a.png", 1, ""), Candidate("COVID/A.png", 1, ""))
    assert read(tmp_path, "path,patient\nA.png,2\na.png,1\n", twins).patients == ["1", "2"]


def test_name_in_another_folder_is_another_image(tmp_path: Path) -> None:
    told = read(tmp_path, f"path,patient\nOTHER/a.png,p\n{PATHS[1]},q\n")
    assert told.patients == ["", "q", "", ""]
    assert "1 of 2 paths are not in the data set: 'OTHER/a.png'" in told[0]


def test_closest_of_several_rows_counts(tmp_path: Path) -> None:
    rows = [f"/data/other/{PATHS[0]},x", f"/data/set/{PATHS[0]},p", f"else/{PATHS[0]},y"]
    told = read(tmp_path, "\n".join(["path,patient", *rows]))
    assert told.patients[0] == "p"
    assert any("2 of 3 paths are not in the data set" in line for line in told)


def test_row_that_knows_counts_before_one_that_does_not(tmp_path: Path) -> None:
    text = f"path,patient,source\n{PATHS[0]},nan,A\n{PATHS[0]},p,\n"
    told = read(tmp_path, text)
    assert (told.patients[0], told.sources[0]) == ("p", "A")


def test_two_spellings_of_one_image_with_two_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"two things of one image: 'COVID/COVID/a.png' \(patient 'p' and 'q'\)"
    ):
        read(tmp_path, f"path,patient\n./{PATHS[0]},p\n.\\{PATHS[0]},q\n")


def test_file_of_one_class_says_so(tmp_path: Path) -> None:
    told = read(tmp_path, f"path,patient\n{PATHS[2]},p\n{PATHS[3]},q\n")
    assert told[-1].startswith(
        "Warning: a patient is known for 0 of 2 COVID-19 and 2 of 2 normal images"
    )
    assert read(tmp_path, table())[-1] == (
        "a patient is known for 2 of 2 COVID-19 and 2 of 2 normal images"
    )


def test_image_that_the_file_leaves_out_keeps_its_patient_together(tmp_path: Path) -> None:
    candidates = tuple(
        Candidate(f"NORMAL/0000000{k}_00{n}.png", 0, f"0000000{k}") for k in (1, 2) for n in (0, 1)
    )
    told = read(tmp_path, f"path,patient\n{candidates[0].path},P1\n", candidates)
    assert told.patients == ["P1", "P1", "00000002", "00000002"]
    assert "1 images that it leaves out get the patient" in told[0]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"PK\x03\x04rest", SourceError, "an Excel workbook or a zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SourceError, "an Excel workbook"),
        (b"\x1f\x8b\x08", SourceError, "packed with gzip"),
        (b"a.png,p1\nb.png,p2\n", SourceError, "no column path and no column patient .*'a.png'"),
        (b"path,patient,Patient\na,b,c\n", SourceError, "2 columns 'patient'"),
        (
            b"path,patient\nCOVID/a, b.png,p\n",
            DataError,
            r"1 rows of .* more fields .*: 'COVID/a, b.png,p'",
        ),
        (
            b"path,patient\na1,b\na2,b\na3,b\na4,b\na5,b\na6,b\n",
            DataError,
            r"'a1', 'a2', 'a3', 'a4', 'a5', ... \(6 in all\)",
        ),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, content: bytes, error: type[CxrError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, content)
