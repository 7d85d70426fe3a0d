"""Tables with names from outside, as CSV files that say them unharmed."""

import csv
from pathlib import Path

import pandas as pd


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, all text in quotes.

    Without them a carriage return alone, which a file's name may hold, would end a line.
    """
    table.to_csv(path, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
