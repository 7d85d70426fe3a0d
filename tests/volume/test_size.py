import os
from pathlib import Path

import pytest

from cxr_tasks.volume.size import as_size, weigh


@pytest.mark.parametrize(
    ("n_bytes", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (12_345_678_901, "12.3 GB"),
        (5 * 10**18, "5000.0 PB"),
    ],
)
def test_sizes_are_in_powers_of_1000(n_bytes: int, told: str) -> None:
    assert as_size(n_bytes) == told


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 100)
    os.link(tmp_path / "a" / "file", tmp_path / "a" / "second")
    counted: set[tuple[int, int]] = set()
    assert weigh(tmp_path / "a").n_bytes == weigh(tmp_path / "a").n_free_bytes == 100
    os.link(tmp_path / "a" / "file", tmp_path / "b" / "third")
    alone, both = weigh(tmp_path / "a"), weigh(tmp_path)
    assert (alone.n_bytes, alone.n_free_bytes, both.n_free_bytes) == (100, 0, 100)
    each = [weigh(tmp_path / name, counted=counted).n_bytes for name in ("a", "b")]
    assert each == [100, 0]


def test_links_are_not_followed_and_what_is_gone_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 10_000)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "big")
    (tmp_path / "folder" / "loop").symlink_to(tmp_path / "folder")
    assert weigh(tmp_path / "folder").n_bytes < 1000
    assert weigh(tmp_path / "gone").n_bytes == 0


def test_what_killed_work_left_is_found_apart(tmp_path: Path) -> None:
    left = tmp_path / "run" / ".split.building-abcd1234"
    left.mkdir(parents=True)
    (left / "file").write_bytes(b"x" * 100)
    (tmp_path / "run" / "file").write_bytes(b"x" * 7)
    weight = weigh(tmp_path)
    assert (weight.n_bytes, weight.leftovers) == (7, [left])
