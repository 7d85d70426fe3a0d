"""What tables of patients say of sex, age, view, device, follow-up and hospital."""

from dataclasses import fields
from pathlib import Path

import pytest

from cxr_tasks.data.acquisition import ACQUISITION_FIELDS, NOTHING_KNOWN, Acquisition
from cxr_tasks.data.dataset import INDEX_COLUMNS
from cxr_tasks.data.sources.candidates import Candidate
from cxr_tasks.data.sources.patients import with_patients
from cxr_tasks.data.sources.zip_file import ZipSource
from cxr_tasks.errors import DataError
from cxr_tasks.settings.presets import Preset

A, B = "COVID/a.png", "NORMAL/b.png"
CANDIDATES = (Candidate(A, 1, ""), Candidate(B, 0, ""))


class Told(list[str]):
    """What was said while a table was read, and what it says of each image."""

    def __init__(self, path: Path, candidates: tuple[Candidate, ...]) -> None:
        known = with_patients(candidates, path, report=self.append)
        self.known = [item.acquisition for item in known]
        self.patients = [item.patient for item in known]


def read(tmp_path: Path, text: str | bytes, candidates: tuple[Candidate, ...] = CANDIDATES) -> Told:
    path = tmp_path / "patients.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Told(path, candidates)


def value_of(tmp_path: Path, column: str, value: str, field: str) -> tuple[str, Told]:
    told = read(tmp_path, f'path,patient,{column}\n{A},p,"{value}"\n')
    return getattr(told.known[0], field), told


def test_fields_are_named_alike_everywhere() -> None:
    assert [field.name for field in fields(Acquisition)] == list(ACQUISITION_FIELDS)
    names = list(INDEX_COLUMNS)
    start = names.index("depth") + 1
    assert names[start : start + 6] == list(ACQUISITION_FIELDS)


@pytest.mark.parametrize(
    ("column", "field", "value", "known"),
    [
        ("sex", "sex", "F", "F"),
        ("Gender", "sex", "female", "F"),
        ("Patient Gender", "sex", " m ", "M"),
        ("PATIENT_SEX", "sex", "Woman", "F"),
        ("Patient's Sex", "sex", "W", "F"),
        ("sex", "sex", "Male", "M"),
        ("sex", "sex", "unknown", ""),
        ("age", "age", "45", "45"),
        ("Patient Age", "age", "058Y", "58"),
        ("patient_age", "age", "45.0", "45"),
        ("Age (years)", "age", "45,5", "45.5"),
        ("age", "age", "18M", "1.5"),
        ("age", "age", "006M", "0.5"),
        ("age", "age", "3 weeks", "0.05749"),
        ("age", "age", "010D", "0.02738"),
        ("age", "age", "0", "0"),
        ("age", "age", "120", "120"),
        ("age", "age", "nan", ""),
        ("view", "view", "pa", "PA"),
        ("View Position", "view", "AP", "AP"),
        ("view_position", "view", "AP  supine", "AP SUPINE"),
        ("Projection", "view", "Lateral", "L"),
        ("view", "view", "AP semi erect", "AP SEMI ERECT"),
        ("view", "view", "postero-anterior", "PA"),
        ("view", "view", "LL", "LL"),
        ("device", "device", "  Mobilett  XP ", "Mobilett XP"),
        ("Scanner", "device", "DR 1", "DR 1"),
        ("manufacturer", "device", "Agfa", "Agfa"),
        ("Manufacturer Model Name", "device", "DX-D 100", "DX-D 100"),
        ("Follow-up #", "follow_up", "004", "4"),
        ("followup", "follow_up", "0", "0"),
        ("follow_up", "follow_up", "12.0", "12"),
        ("hospital", "hospital", " Ospedale  Maggiore", "Ospedale Maggiore"),
        ("Institution", "hospital", "n/a", ""),
        ("centre", "hospital", "2", "2"),
        ("Center", "hospital", "B", "B"),
        ("site", "hospital", "C", "C"),
    ],
)
def test_value_is_brought_to_one_spelling(
    tmp_path: Path, column: str, field: str, value: str, known: str
) -> None:
    found, told = value_of(tmp_path, column, value, field)
    assert found == known
    n = int(bool(known))
    title = ACQUISITION_FIELDS[field]
    assert f"{title}: known for {n} of 1 COVID-19 and 0 of 1 normal images" in told
    assert not any("it stays unknown" in line for line in told)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("sex", "1", "F or M"),
        ("sex", "diverse", "F or M"),
        ("age", "-1", "0 to 120 years"),
        ("age", "121", "0 to 120 years"),
        ("age", "411Y", "0 to 120 years"),
        ("age", "9" * 400, "0 to 120 years"),
        ("age", "40-50", "0 to 120 years"),
        ("age", "3 moons", "0 to 120 years"),
        ("followup", "-2", "a whole number from 0 on"),
        ("followup", "1.5", "a whole number from 0 on"),
        ("followup", "second", "a whole number from 0 on"),
    ],
)
def test_what_is_no_value_is_counted_and_said(
    tmp_path: Path, column: str, value: str, rule: str
) -> None:
    told = read(tmp_path, f"path,patient,{column}\n{A},p,{value}\n{B},q,{value}\n")
    assert told.known == [NOTHING_KNOWN, NOTHING_KNOWN]
    said = f"of 2 of 2 rows is not {rule} ({value!r} 2 times); it stays unknown"
    assert any(line.startswith("Warning: ") and said in line for line in told)


def test_one_letter_of_two_languages_is_not_guessed(tmp_path: Path) -> None:
    told = read(tmp_path, f"path,patient,sex\n{A},p,H\n{B},q,M\n")
    assert [each.sex for each in told.known] == ["", ""]
    assert any("'H' 1 times, 'M' 1 times" in line for line in told)


def test_columns_that_are_not_used_are_named_in_one_line(tmp_path: Path) -> None:
    told = read(tmp_path, f",path,patient,offset,Sex,Finding\n0,{A},p,3,F,none\n")
    assert told[0] == "patients file: its columns were read so: sex from 'Sex'"
    assert told[1] == "patients file: not used: 'offset', 'Finding'"


@pytest.mark.parametrize(
    ("head", "values", "device"),
    [
        ("manufacturer,model", "Siemens,Mobilett", "Siemens Mobilett"),
        ("model,manufacturer", "Siemens Mobilett,SIEMENS", "Siemens Mobilett"),
        ("manufacturer,model", "Siemens,", "Siemens"),
        ("manufacturer,manufacturer model name", "GE,GE", "GE"),
        ("manufacturer,device", "GE,room 2", "room 2"),
    ],
)
def test_device_is_maker_and_model_or_what_names_it(
    tmp_path: Path, head: str, values: str, device: str
) -> None:
    assert read(tmp_path, f"path,patient,{head}\n{A},p,{values}\n").known[0].device == device


def test_two_columns_of_one_field_that_agree_are_read(tmp_path: Path) -> None:
    rows = f"{A},p,F,female,45\n{B},q,,male,046Y\n"
    told = read(tmp_path, f"path,patient,sex,gender,age\n{rows}")
    assert [(each.sex, each.age) for each in told.known] == [("F", "45"), ("M", "46")]


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("sex,gender", "F,male", "'sex' and 'gender' of .* in 1 rows: 'F' and 'M'"),
        ("age,age", "40,41", "'age' and 'age' of .*'40' and '41'"),
        ("hospital,Site", "A,B", "'hospital' and 'Site' of .*'A' and 'B'"),
    ],
)
def test_two_columns_that_disagree_are_refused(
    tmp_path: Path, head: str, row: str, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path, f"path,patient,{head}\n{A},p,{row}\n")
    assert "remove or rename the column" in caught.value.remedy


def test_two_rows_that_disagree_are_refused(tmp_path: Path) -> None:
    said = rf"two things of one image: '{A}' \(age '40' and '41'\)"
    with pytest.raises(DataError, match=said):
        read(tmp_path, f"path,patient,age,sex\n{A},p,40,F\n{A},p,41,F\n")
    told = read(tmp_path, f"path,patient,age,sex\n{A},p,40,\n{A},p,040Y,F\n")
    assert told.known[0] == Acquisition(sex="F", age="40")


HEAD = "path;patient;Sex;Age;View Position;Hospital\n"
ROWS = f'{A};p;F;45;PA;"St. Anna; Wien"\n{B};q;"m";;ap;\n'


@pytest.mark.parametrize(
    "content",
    [
        (HEAD + ROWS).encode(),
        (HEAD + ROWS).encode("utf-8-sig"),
        (HEAD + ROWS).encode("utf-16"),
        ("sep=;\n" + HEAD + ROWS).encode(),
        ('\n"' + HEAD.strip().replace(";", '";"') + '"\r\n' + ROWS.replace("\n", "\r\n")).encode(),
    ],
    ids=["semicolons", "mark", "UTF-16", "Excel", "quotes"],
)
def test_tables_of_spreadsheets_are_read(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content).known == [
        Acquisition(sex="F", age="45", view="PA", hospital="St. Anna; Wien"),
        Acquisition(sex="M", view="AP"),
    ]


def test_short_rows_and_empty_columns_know_nothing(tmp_path: Path) -> None:
    told = read(tmp_path, f"path,patient,sex,age,view,device\n{A},p\n{B},q,,,,\n")
    assert told.known == [NOTHING_KNOWN, NOTHING_KNOWN]


def test_image_that_the_table_leaves_out_keeps_what_is_known(tmp_path: Path) -> None:
    known = Acquisition(sex="F")
    candidates = (CANDIDATES[0], Candidate(B, 0, "", acquisition=known))
    assert read(tmp_path, f"path,patient,sex\n{A},p,M\n", candidates).known[1] == known


NIH = """\
Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],
00000001_000.png,Cardiomegaly,0,1,058Y,M,PA,2682,2749,0.143,0.143,
00000001_001.png,No Finding,1,1,411Y,M,AP,2894,2729,0.143,0.143,
"""
COVID_CHESTXRAY = """\
patientid,offset,sex,age,finding,RT_PCR_positive,survival,view,modality,date,location,folder,\
filename,doi,url,license,clinical_notes,other_notes,
2,0,M,65,Pneumonia/Viral/COVID-19,Y,Y,PA,X-ray,"January 22, 2020","Cho Ray, Vietnam",images,\
a.png,10.1056/n,https://x,,"On January 22, 2020, a 65-year-old",,
4,5,F,52.0,No Finding,,,AP Supine,X-ray,2020,"Taiwan",images,b.png,10,,,,,
"""


def test_table_of_nih(tmp_path: Path) -> None:
    names = ("NORMAL/00000001_000.png", A, "NORMAL/00000001_001.png")
    candidates = tuple(Candidate(name, int(name == A), "") for name in names)
    told = read(tmp_path, NIH, candidates)
    assert told.known[0] == Acquisition("M", "58", "PA", follow_up="0")
    assert told.known[2] == Acquisition("M", "", "AP", follow_up="1")
    assert told.patients == ["1", "", "1"]
    assert any("the age of 1 of 2 rows is not 0 to 120 years ('411Y' 1" in line for line in told)
    assert any(line.startswith("patients file: not used: 'Finding Labels',") for line in told)


def test_table_of_covid_chestxray(tmp_path: Path) -> None:
    told = read(tmp_path, COVID_CHESTXRAY)
    assert told.known == [Acquisition("M", "65", "PA"), Acquisition("F", "52", "AP SUPINE")]
    assert told.patients == ["2", "4"]
    assert any("not used: 'offset', 'finding'" in line for line in told)


def test_real_table(shared_data: Path) -> None:
    preset = Preset("POSITIVE/**", "NORMAL/**")
    archive = ZipSource(shared_data / "nih-pneumonia.zip", preset, "zip")
    told = Told(shared_data / "nih-pneumonia.csv", archive.listing().candidates)
    assert {each.sex for each in told.known} == {"F", "M"}
    assert {each.view for each in told.known} == {"PA", "AP"}
    assert "age: known for 300 of 300 COVID-19 and 300 of 300 normal images" in told
    assert not any(line.startswith("Warning") for line in told)
