"""Files that vanish while pages are made of them, or that the server may not read: told kindly."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_tasks.site.answer import Answer
from cxr_tasks.site.site import Site
from cxr_tasks.volume.paths import Home, RunPaths
from tests.site.asking import text_of
from tests.site.shelf import put_run

GONE, REFUSED = FileNotFoundError(2, "No such file"), PermissionError(13, "Permission denied")
PAGES: dict[str, Callable[[Site], Answer]] = {
    "index.html": lambda site: site.of_run.page("first", base="/cxr"),
    "table.csv": lambda site: site.of_run.file("first", "table.csv", base="/cxr"),
}


@pytest.fixture
def run(home: Home, template: RunPaths) -> RunPaths:
    """Copy a whole run: the root user of tests may read whatever its rights."""
    shutil.copytree(template.root, home.run("first").root)
    return home.run("first")


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, err: OSError) -> None:
    """Let every file of a name be there and give an error when it is read."""
    for method in ("read_bytes", "read_text"):
        real = getattr(Path, method)

        def read(path: Path, *args: object, real: object = real, **options: object) -> object:
            if path.name == name:
                raise err
            return real(path, *args, **options)  # type: ignore[operator]

        monkeypatch.setattr(Path, method, read)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("name", [*PAGES, "report.json"])
def test_what_may_not_be_read_says_so_and_is_not_called_damaged(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    refuse(monkeypatch, name, REFUSED)
    for file in [name] if name in PAGES else PAGES:
        answer = PAGES[file](site)
        text = text_of(answer)
        assert answer.status == 503
        assert "The server may not read this" in text
        assert "damaged" not in text


def test_a_volume_that_may_not_be_read_is_told(
    site: Site, run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_folder(path: Path) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse_folder)
    for answer in (
        site.all_runs({}, base="/cxr"),
        site.all_runs_csv({}),
        site.compared([run.key], base="/cxr"),
        site.champion(base="/cxr"),
    ):
        assert "The server may not read this runs is on the shared volume" in text_of(answer)


def test_a_run_that_is_deleted_while_its_page_is_made_is_no_run(
    site: Site, run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(_path: Path) -> bytes:
        shutil.rmtree(run.root)
        raise GONE

    monkeypatch.setattr(Path, "read_bytes", delete)
    answer = site.of_run.page("first", base="/cxr")
    assert answer.status == 404
    assert "No such run" in text_of(answer)


@pytest.mark.usefixtures("run")
def test_a_file_that_is_deleted_while_it_is_read_is_no_file(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "table.csv", GONE)
    assert PAGES["table.csv"](site).status == 404


def test_a_run_whose_files_give_errors_costs_its_own_row_only(
    site: Site, home: Home, run: RunPaths, template: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_run(home, template, "second")
    real = Path.glob

    def glob(path: Path, pattern: str) -> object:
        if path == run.root:
            raise OSError(5, "Input/output error")
        return real(path, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    text = text_of(site.all_runs({}, base="/cxr"))
    assert "It is not read: Input/output error." in text
    assert "second" in text


def test_a_page_of_scores_that_may_not_be_read_is_no_failure_of_the_server(
    site: Site, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.scores("batch")
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Scores</h1>")
    refuse(monkeypatch, "index.html", REFUSED)
    assert "Scores</h1>" not in str(site.scores("batch", base="/cxr").body)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read whatever its rights")
def test_a_folder_without_rights_breaks_no_page(site: Site, run: RunPaths) -> None:
    run.root.chmod(0)
    try:
        for known in (None, ""):
            assert site.of_run.page("first", base="/cxr", known=known).status in (200, 404, 503)
        assert site.note("first", base="/cxr", may_write=True).status == 200
        assert site.all_runs({}, base="/cxr").status == 200
    finally:
        run.root.chmod(0o755)
