import resource
from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.errors import ArtifactError
from cxr_tasks.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def a_checkpoint(value: float = 0.1) -> Checkpoint:
    rng = np.random.default_rng(3)
    return Checkpoint(
        fingerprint="abc",
        history=[{"epoch": 1, "loss": value, "val_loss": 1 / 3}],
        weights=(rng.random((3, 4), np.float32), np.zeros(0, np.float32)),
        optimizer=(np.array(7, np.int64), rng.random(5)),
        best_weights=tuple(rng.random((12, 2), np.float32) for _ in range(12)),
    )


def assert_equal(found: Checkpoint | None, expected: Checkpoint) -> None:
    assert found is not None
    assert (found.fingerprint, found.history) == (expected.fingerprint, expected.history)
    for group in ("weights", "optimizer", "best_weights"):
        for array, other in zip(getattr(found, group), getattr(expected, group), strict=True):
            assert array.dtype == other.dtype
            np.testing.assert_array_equal(array, other, strict=True)


def test_what_is_saved_is_loaded_to_the_bit(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", a_checkpoint())
    assert_equal(load_checkpoint(tmp_path / "c.npz"), a_checkpoint())


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "c.npz") is None


def test_the_file_is_an_npz_that_numpy_reads(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", a_checkpoint())
    with np.load(tmp_path / "c.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["weights_00000"], a_checkpoint().weights[0])


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    save_checkpoint(path, a_checkpoint())
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ArtifactError, match=r"c\.npz is damaged"):
            load_checkpoint(path)


@pytest.mark.parametrize("n_bytes", [0, 1, 31, 32, 100, -1])
def test_a_file_cut_short_is_noticed(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "c.npz"
    save_checkpoint(path, a_checkpoint())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ArtifactError, match=r"c\.npz is damaged"):
        load_checkpoint(path)


def test_a_volume_that_is_full_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    save_checkpoint(path, a_checkpoint(0.1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_checkpoint(path, a_checkpoint(0.2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_equal(load_checkpoint(path), a_checkpoint(0.1))
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".c.npz.writing-x1y2").write_bytes(b"half")
    save_checkpoint(tmp_path / "c.npz", a_checkpoint())
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]
