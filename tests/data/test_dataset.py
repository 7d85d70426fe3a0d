"""An ingested data set that is opened: damaged, incomplete or wrong ones are refused."""

from pathlib import Path

import numpy as np
import pytest

from cxr_tasks.data.dataset import INDEX_COLUMNS, DatasetRecord, open_dataset
from cxr_tasks.errors import ArtifactError, DamagedError
from cxr_tasks.volume.paths import Home
from tests.data.test_ingest import do_ingest, folder_config
from tests.image_files import class_files, make_files
from tests.stored import accept_changes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("images.npy", b""),
        ("images.npy", b"junk"),
        ("index.csv", b""),
        ("index.csv", b"a,b\n1,2\n"),
    ],
)
def test_damaged_data_set_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    data = make_files(tmp_path / "data", class_files())
    fingerprint, _ = do_ingest(tmp_path, folder_config(data))
    (tmp_path / "datasets" / fingerprint / name).write_bytes(content)
    with pytest.raises(DamagedError, match="not what its record says"):
        open_dataset(Home(tmp_path), fingerprint)


@pytest.mark.parametrize(
    ("name", "content"), [("images.npy", b"junk"), ("index.csv", b"a,b\n1,2\n")]
)
def test_data_set_that_was_never_right_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    data = make_files(tmp_path / "data", class_files())
    fingerprint, _ = do_ingest(tmp_path, folder_config(data))
    folder = tmp_path / "datasets" / fingerprint
    (folder / name).write_bytes(content)
    accept_changes(folder, DatasetRecord)
    with pytest.raises(DamagedError, match="cannot be read"):
        open_dataset(Home(tmp_path), fingerprint)


@pytest.mark.parametrize("with_image", [False, True])
def test_missing_row_is_noticed(tmp_path: Path, *, with_image: bool) -> None:
    data = make_files(tmp_path / "data", class_files())
    fingerprint, _ = do_ingest(tmp_path, folder_config(data))
    folder = tmp_path / "datasets" / fingerprint
    rows = (folder / "index.csv").read_text().splitlines()
    (folder / "index.csv").write_text("\n".join(rows[:-1]) + "\n")
    if with_image:
        np.save(folder / "images.npy", np.load(folder / "images.npy")[:-1])
    accept_changes(folder, DatasetRecord)
    with pytest.raises(ArtifactError, match="do not belong together"):
        open_dataset(Home(tmp_path), fingerprint)


@pytest.mark.parametrize("last", ["phash", "depth"])
def test_index_of_an_older_version_is_read(tmp_path: Path, last: str) -> None:
    data = make_files(tmp_path / "data", class_files())
    fingerprint, _ = do_ingest(tmp_path, folder_config(data))
    now = open_dataset(Home(tmp_path), fingerprint).index
    assert set(now["depth"]) == {"8"}
    folder = tmp_path / "datasets" / fingerprint
    now.loc[:, :last].to_csv(folder / "index.csv", index=False)
    accept_changes(folder, DatasetRecord)
    index = open_dataset(Home(tmp_path), fingerprint).index
    assert list(index.columns) == list(INDEX_COLUMNS)
    assert index.loc[:, :last].equals(now.loc[:, :last])
    later = list(INDEX_COLUMNS)[list(INDEX_COLUMNS).index(last) + 1 :]
    assert set(index[later].stack()) == {""}
