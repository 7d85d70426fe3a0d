"""Arrays written row by row, as numpy reads them."""

from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.volume.array_file import ArrayFile


@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_array_file_is_what_numpy_reads(tmp_path: Path, n_rows: int) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (n_rows, 3, 2), dtype=np.uint8)
    with ArrayFile(tmp_path / "a.npy", row_shape=(3, 2), dtype=np.uint8) as array:
        for row in rows:
            array.append(row)
    assert np.array_equal(np.load(tmp_path / "a.npy"), rows)


def test_array_file_refuses_another_shape(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="received"),
        ArrayFile(tmp_path / "a.npy", row_shape=(3, 2), dtype=np.uint8) as array,
    ):
        array.append(np.zeros((2, 3), dtype=np.uint8))
