from pathlib import Path

import pytest

from bench.subgroup_rates import as_table, main
from cxr_tasks.volume.files import read_json


def test_the_rates_are_written_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--pages", "1", "--out", str(tmp_path / "rates.json")]) == 0
    found = read_json(tmp_path / "rates.json")
    assert as_table(found) in capsys.readouterr().out
    assert [row["worse"] for row in found["rows"]] == [0, 0, 1, 1]
    assert found["rows"][3]["sex_found"] == 1  # 600 images, and men much worse


def test_no_page_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--pages", "0"])
    assert "--pages 0" in capsys.readouterr().err
