"""Tables of labels beside images: not read, but how to sort images by one is shown."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from cxr_tasks.errors import first_few

_COLUMNS = {
    "metadata": ("filename", "finding", "Pneumonia/Viral/COVID-19", "No Finding"),
    "data_entry": ("Image Index", "Finding Labels", "COVID-19", "No Finding"),
}
"""Of tables that are known by their names: file, label, COVID-19, normal."""

_UNKNOWN = ("filename", "label", "COVID-19", "normal")


def how_to_sort(tables: Sequence[str]) -> str:
    """Report that tables are not read, and show a few lines of Python that sort images by one."""
    shown = first_few([repr(table) for table in sorted(tables)])
    table = next((name for name in sorted(tables) if name.endswith(".csv")), "labels.csv")
    file, label, covid, normal = _columns_of(table)
    lines = (
        "import csv, pathlib, shutil",
        'files = {path.name: path for path in pathlib.Path(".").rglob("*.*")}',
        f"with open({table!r}, newline='') as table:",
        "    for row in csv.DictReader(table):",
        f"        folder = {{{covid!r}: 'COVID', {normal!r}: 'NORMAL'}}.get(row[{label!r}])",
        f"        if folder and row[{file!r}] in files:",
        "            (place := pathlib.Path('sorted', folder)).mkdir(parents=True, exist_ok=True)",
        f"            shutil.copy(files[row[{file!r}]], place)",
    )
    return (
        f"{shown} {'is' if len(tables) == 1 else 'are'} not read, the folders decide the class: "
        "sort the images into COVID/ and NORMAL/ (a spreadsheet is exported as CSV first), for "
        "example so, with the table's own columns and labels:\n"
        + "\n".join(f"    {line}" for line in lines)
    )


def _columns_of(table: str) -> tuple[str, str, str, str]:
    name = PurePosixPath(table).name.lower()
    return next((known for start, known in _COLUMNS.items() if name.startswith(start)), _UNKNOWN)
