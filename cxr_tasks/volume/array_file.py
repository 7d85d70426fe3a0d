"""A NumPy file that grows row by row."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


class ArrayFile:
    """Writes a `.npy` file of unknown length; its header is right once it is closed."""

    def __init__(self, path: Path, *, row_shape: tuple[int, ...], dtype: type) -> None:
        self.n_rows = 0
        self._row_shape = row_shape
        self._dtype = np.dtype(dtype)
        self._stream = path.open("wb")
        self._write_header()

    def append(self, row: NDArray[Any]) -> None:
        """Write one row."""
        if row.shape != self._row_shape or row.dtype != self._dtype:
            raise ValueError(
                f"Allowed: {self._row_shape} {self._dtype}; received: {row.shape} {row.dtype}"
            )
        self._stream.write(np.ascontiguousarray(row).data)
        self.n_rows += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        with self._stream:
            if error is None:
                self._stream.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        # NumPy pads the header so that it keeps its length while the first axis grows
        shape = (self.n_rows, *self._row_shape)
        description = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self._stream, description)
